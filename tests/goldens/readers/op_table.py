"""Prints, as JSON, the outputs of every registered op that has several output arguments.

Run with TensorFlow 1.15.5 and with 2.21: ``python op_table.py OUT.json``. The union, 1.15.5 first, is
the table in converters/read_graphdef/op_outputs.py (datasets, TPU and XLA ops of 2.x left out).
"""
import json,sys
import tensorflow as tf
try:
    import tensorflow.contrib.seq2seq, tensorflow.contrib.rnn, tensorflow.contrib.cudnn_rnn
    from tensorflow.contrib import layers
except Exception as e: print(e, file=sys.stderr)
from tensorflow.python.framework import op_def_registry as r
try:
    ops=r.get_registered_ops()
except AttributeError:
    from tensorflow.python.framework import c_api_util
    from tensorflow.python.client import pywrap_tf_session as c
    from tensorflow.core.framework import op_def_pb2
    buf=c.TF_GetAllOpList(); ol=op_def_pb2.OpList(); ol.ParseFromString(c.TF_GetBuffer(buf)); ops={o.name:o for o in ol.op}
out={}
for n,o in sorted(ops.items()):
    if len(o.output_arg)>1:
        out[n]=" ".join(a.name+("*"+(a.number_attr or a.type_list_attr) if (a.number_attr or a.type_list_attr) else "") for a in o.output_arg)
json.dump(out,open(sys.argv[1],"w"))
print(len(ops),len(out),sum(map(len,out.values())))
