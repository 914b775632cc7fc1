"""The protobuf messages that TF1 files are made of, as a table: field numbers are the format.

One line a message: ``name=number:type``. ``*`` is repeated, ``%`` a map from string, ``|name`` puts
the field in that oneof. Numbers were dumped from the descriptors of TensorFlow 1.15.5 (graph.proto,
node_def.proto, attr_value.proto, tensor.proto, function.proto, op_def.proto, meta_graph.proto,
saved_model.proto, tensor_bundle.proto, saved_tensor_slice.proto, trackable_object_graph.proto).
Fields nobody here needs are left out; protobuf skips them. Two deviations are deliberate and the
same on the wire: nested messages are flat, and resource handles and variants are opaque bytes.
"""

from __future__ import annotations

MESSAGES = """
GraphDef node=1:*NodeDef library=2:FunctionDefLibrary version=3:int32 versions=4:VersionDef
NodeDef name=1:string op=2:string input=3:*string device=4:string attr=5:%AttrValue
VersionDef producer=1:int32 min_consumer=2:int32
AttrValue list=1:ListValue|value s=2:bytes|value i=3:int64|value f=4:float|value b=5:bool|value\
 type=6:DataType|value shape=7:TensorShapeProto|value tensor=8:TensorProto|value\
 placeholder=9:string|value func=10:NameAttrList|value
ListValue s=2:*bytes i=3:*int64 f=4:*float b=5:*bool type=6:*DataType shape=7:*TensorShapeProto\
 tensor=8:*TensorProto func=9:*NameAttrList
NameAttrList name=1:string attr=2:%AttrValue
TensorShapeProto dim=2:*Dim unknown_rank=3:bool
Dim size=1:int64 name=2:string
TensorProto dtype=1:DataType tensor_shape=2:TensorShapeProto version_number=3:int32\
 tensor_content=4:bytes float_val=5:*float double_val=6:*double int_val=7:*int32\
 string_val=8:*bytes scomplex_val=9:*float int64_val=10:*int64 bool_val=11:*bool\
 dcomplex_val=12:*double half_val=13:*int32 resource_handle_val=14:*bytes variant_val=15:*bytes\
 uint32_val=16:*uint32 uint64_val=17:*uint64
FunctionDefLibrary function=1:*FunctionDef
FunctionDef signature=1:OpDef node_def=3:*NodeDef ret=4:%string attr=5:%AttrValue\
 control_ret=6:%string
OpDef name=1:string input_arg=2:*ArgDef output_arg=3:*ArgDef attr=4:*AttrDef is_stateful=17:bool\
 control_output=20:*string
ArgDef name=1:string type=3:DataType type_attr=4:string number_attr=5:string\
 type_list_attr=6:string is_ref=16:bool
AttrDef name=1:string type=2:string default_value=3:AttrValue
OpList op=1:*OpDef
SavedModel saved_model_schema_version=1:int64 meta_graphs=2:*MetaGraphDef
MetaGraphDef meta_info_def=1:MetaInfoDef graph_def=2:GraphDef saver_def=3:SaverDef\
 collection_def=4:%CollectionDef signature_def=5:%SignatureDef asset_file_def=6:*AssetFileDef
MetaInfoDef meta_graph_version=1:string stripped_op_list=2:OpList tags=4:*string\
 tensorflow_version=5:string stripped_default_attrs=7:bool
SaverDef filename_tensor_name=1:string save_tensor_name=2:string restore_op_name=3:string\
 sharded=5:bool
CollectionDef node_list=1:NodeList|kind bytes_list=2:BytesList|kind\
 any_list=5:AnyList|kind
NodeList value=1:*string
BytesList value=1:*bytes
AnyList value=1:*google.protobuf.Any
SignatureDef inputs=1:%TensorInfo outputs=2:%TensorInfo method_name=3:string
TensorInfo name=1:string|encoding dtype=2:DataType tensor_shape=3:TensorShapeProto\
 coo_sparse=4:CooSparse|encoding
CooSparse values_tensor_name=1:string indices_tensor_name=2:string dense_shape_tensor_name=3:string
AssetFileDef tensor_info=1:TensorInfo filename=2:string
VariableDef variable_name=1:string
BundleHeaderProto num_shards=1:int32 endianness=2:int32 version=3:VersionDef
BundleEntryProto dtype=1:DataType shape=2:TensorShapeProto shard_id=3:int32 offset=4:int64\
 size=5:int64 crc32c=6:fixed32 slices=7:*TensorSliceProto
TensorSliceProto extent=1:*Extent
Extent start=1:int64 length=2:int64|has_length
SavedTensorSlices meta=1:SavedTensorSliceMeta data=2:SavedSlice
SavedTensorSliceMeta tensor=1:*SavedSliceMeta versions=2:VersionDef
SavedSliceMeta name=1:string shape=2:TensorShapeProto type=3:DataType slice=4:*TensorSliceProto
SavedSlice name=1:string slice=2:TensorSliceProto data=3:TensorProto
TrackableObjectGraph nodes=1:*TrackableObject
TrackableObject attributes=2:*SerializedTensor
SerializedTensor name=1:string full_name=2:string checkpoint_key=3:string
CheckpointState model_checkpoint_path=1:string all_model_checkpoint_paths=2:*string
"""

DATA_TYPES = {
    "DT_INVALID": 0,
    "DT_FLOAT": 1,
    "DT_DOUBLE": 2,
    "DT_INT32": 3,
    "DT_UINT8": 4,
    "DT_INT16": 5,
    "DT_INT8": 6,
    "DT_STRING": 7,
    "DT_COMPLEX64": 8,
    "DT_INT64": 9,
    "DT_BOOL": 10,
    "DT_QINT8": 11,
    "DT_QUINT8": 12,
    "DT_QINT32": 13,
    "DT_BFLOAT16": 14,
    "DT_QINT16": 15,
    "DT_QUINT16": 16,
    "DT_UINT16": 17,
    "DT_COMPLEX128": 18,
    "DT_HALF": 19,
    "DT_RESOURCE": 20,
    "DT_VARIANT": 21,
    "DT_UINT32": 22,
    "DT_UINT64": 23,
}
"""types.proto; a reference type is the same plus 100."""
