"""``tf.contrib.seq2seq``, in pieces: attention, helpers, decoders, beam search, loss."""
