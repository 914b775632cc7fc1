"""While loops as steps, and steps as recurrences."""
