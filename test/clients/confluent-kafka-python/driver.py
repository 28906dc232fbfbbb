"""confluent-kafka for Python: librdkafka behind Python."""

import os
import sys
import uuid

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)
from json_lines import Member, Refused, data, record, serve

BASE = {"bootstrap.servers": os.environ["BROKERS"], "client.id": "confluent-kafka-python"}
TIMEOUT_S = 30


def record_of(message):
    return record(message.partition(), message.offset(), message.key(), message.value(), message.headers())


def result(futures):
    """What the only future gives."""
    (future,) = futures.values()
    return future.result(TIMEOUT_S)


class GroupConsumer:
    def __init__(self, group, topic, protocol):
        settings = {"group.id": group, "group.protocol": protocol, "auto.offset.reset": "earliest", "enable.auto.commit": False}
        if protocol == "classic":
            settings |= {"session.timeout.ms": 6000, "heartbeat.interval.ms": 300}
        self.consumer = Consumer(BASE | settings)
        self.consumer.subscribe([topic])

    def poll(self):
        return [record_of(message) for message in self.consumer.consume(100, 0.1) if message.error() is None]

    def assignment(self):
        return [partition.partition for partition in self.consumer.assignment()]

    def commit(self):
        self.consumer.commit(asynchronous=False)

    def close(self):
        self.consumer.close()


class Ops:
    def __init__(self):
        self.admin = AdminClient(BASE)
        self.members = {}
        self.transactional = {}

    def version(self):
        return f"{confluent_kafka.version()}, librdkafka {confluent_kafka.libversion()[0]}"

    def send(self, producer, topic, records):
        failed = []

        def delivered(error, _):
            if error is not None:
                failed.append(error)

        for one in records:
            producer.produce(
                topic,
                partition=one["partition"],
                key=data(one["key"]),
                value=data(one["value"]),
                headers=[(name, data(content)) for name, content in one.get("headers", [])],
                on_delivery=delivered,
            )
        if producer.flush(TIMEOUT_S) > 0:
            raise TimeoutError("not everything was delivered")
        if failed:
            raise Refused(failed[0].code(), str(failed[0]))

    def produce(self, topic, records, compression="none", idempotent=False):
        settings = {"compression.type": compression, "enable.idempotence": idempotent, "linger.ms": 20}
        self.send(Producer(BASE | settings), topic, records)

    def read(self, topic, partitions, count, isolation):
        settings = {"group.id": str(uuid.uuid4()), "enable.auto.commit": False, "isolation.level": isolation}
        consumer = Consumer(BASE | settings)
        try:
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(partitions)])
            records = []
            while len(records) < count:
                records += [record_of(message) for message in consumer.consume(count - len(records), 0.1)]
            return records
        finally:
            consumer.close()

    def join(self, member, group, topic, protocol):
        self.members[member] = Member(lambda: GroupConsumer(group, topic, protocol))

    def seen(self, member):
        return self.members[member].seen()

    def commit(self, member):
        self.members[member].ask(lambda consumer: consumer.commit())

    def leave(self, member):
        self.members.pop(member).leave()

    def transaction(self, transactionalId, topic, records, outcome):
        producer = self.transactional.get(transactionalId)
        if producer is None:
            producer = Producer(BASE | {"transactional.id": transactionalId})
            producer.init_transactions(TIMEOUT_S)
            self.transactional[transactionalId] = producer
        producer.begin_transaction()
        self.send(producer, topic, records)
        if outcome == "commit":
            producer.commit_transaction(TIMEOUT_S)
        else:
            producer.abort_transaction(TIMEOUT_S)

    def createTopic(self, topic, partitions, configs):
        result(self.admin.create_topics([NewTopic(topic, partitions, 1, config=configs)]))

    def describeTopic(self, topic):
        return {"partitions": len(self.admin.list_topics(topic, TIMEOUT_S).topics[topic].partitions)}

    def describeConfig(self, topic, name):
        return result(self.admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))[name].value

    def alterConfig(self, topic, name, value):
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        result(self.admin.incremental_alter_configs([resource]))

    def deleteTopic(self, topic):
        result(self.admin.delete_topics([topic]))

    def login(self, brokers, mechanism, username, password):
        errors = []
        settings = {
            "bootstrap.servers": brokers,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanisms": mechanism,
            "sasl.username": username,
            "sasl.password": password,
            "error_cb": errors.append,
        }
        admin = AdminClient(settings)
        try:
            admin.list_topics(timeout=3)
        except KafkaException:
            admin.poll(0)
            if any(error.code() == KafkaError._AUTHENTICATION for error in errors):
                raise Refused(58, str(errors[0]))
            raise

    def lag(self, group, topic, partitions):
        all = [TopicPartition(topic, partition) for partition in range(partitions)]
        committed = result(self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, all)]))
        ends = self.admin.list_offsets({partition: OffsetSpec.latest() for partition in all})
        return [
            {"partition": one.partition, "committed": one.offset, "end": ends[TopicPartition(topic, one.partition)].result(TIMEOUT_S).offset}
            for one in committed.topic_partitions
        ]


def code_of(error):
    return error.args[0].code() if isinstance(error, KafkaException) else None


serve(Ops(), code_of)
