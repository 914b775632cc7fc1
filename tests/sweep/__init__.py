"""The verdict under test: 200 random cases for each model of the zoo, TensorFlow 1.15.5 as the oracle; ``make sweep``."""
