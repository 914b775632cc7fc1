"""``tf.contrib.legacy_seq2seq``, in pieces: decoders, models, losses."""
