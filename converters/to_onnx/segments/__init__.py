"""Ragged batches: time cut into segments, in each of which only the rows run that have not ended.

No kernel gains from lengths by itself: it computes every step of every row. With the rows sorted by length those that still run are the first
ones, so a segment is the same operator (or Scan) on fewer rows, begun with the states that the one before left. A full batch runs
every segment with all its rows and loses only what the cutting costs. The numbers are the same, but for a product of fewer rows that may
sum in another order.
"""
