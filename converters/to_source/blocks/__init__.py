"""What a functional graph cannot hold (loops, branches, sizes known when the model runs) as classes of the source."""
