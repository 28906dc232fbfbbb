"""Confluent's own serialisers: writes and reads values as it is told by lines of JSON, one answer for each.

A line is {"do": "write" | "read", "type": "avro" | "json" | "protobuf", "topic": .., "schema": .., "in": "prefix" | "header",
"value": ..} or, to read, {.., "bytes": base64, "headers": {name: base64}}.
"""
import base64
import functools
import json
import sys

from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

client = SchemaRegistryClient({"url": sys.argv[1]})


@functools.cache
def order_message(name):
    """The messages of the test, which no compiler is needed for."""
    file = FileDescriptorProto(name="orders.proto", package="shop", syntax="proto3")
    customer = file.message_type.add(name="Customer")
    customer.field.add(name="name", number=1, type=9, label=1)
    order = file.message_type.add(name="Order")
    order.field.add(name="order_id", number=1, type=9, label=1)
    order.field.add(name="cents", number=2, type=18, label=1)
    line = order.nested_type.add(name="Line")
    line.field.add(name="sku", number=1, type=9, label=1)
    order.field.add(name="lines", number=3, type=11, label=3, type_name=".shop.Order.Line")
    pool = DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def serialiser(order):
    conf = {"schema.id.serializer": header_schema_id_serializer} if order.get("in") == "header" else {}
    if order["type"] == "avro":
        return AvroSerializer(client, order["schema"], conf=conf or None)
    if order["type"] == "json":
        return JSONSerializer(order["schema"], client, conf=conf or None)
    return ProtobufSerializer(order_message(order["message"]), client, conf={**conf, "use.deprecated.format": False})


def deserialiser(order):
    if order["type"] == "avro":
        return AvroDeserializer(client)
    if order["type"] == "json":
        return JSONDeserializer(order["schema"], schema_registry_client=client)
    return ProtobufDeserializer(order_message(order["message"]), {"use.deprecated.format": False}, client)


def encoded(value):
    return base64.b64encode(value).decode()


def write(order):
    value = order["value"]
    if order["type"] == "protobuf":
        value = json_format.ParseDict(value, order_message(order["message"])())
    context = SerializationContext(order["topic"], MessageField.VALUE, [])
    written = serialiser(order)(value, context)
    headers = context.headers if isinstance(context.headers, dict) else dict(context.headers or [])
    return {"bytes": encoded(written), "headers": {name: encoded(mark) for name, mark in headers.items()}}


def read(order):
    headers = [(name, base64.b64decode(mark)) for name, mark in order.get("headers", {}).items()]
    context = SerializationContext(order["topic"], MessageField.VALUE, headers)
    value = deserialiser(order)(base64.b64decode(order["bytes"]), context)
    if order["type"] == "protobuf":
        return {"value": json_format.MessageToDict(value)}
    return {"value": value}


for line in sys.stdin:
    order = json.loads(line)
    try:
        answer = write(order) if order["do"] == "write" else read(order)
    except Exception as error:  # The test says what should have happened.
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer, default=str), flush=True)
