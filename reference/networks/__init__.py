"""The networks of the textbook chapters, put together from cells and drivers, and cuDNN's."""
