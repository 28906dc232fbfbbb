"""kafka-python."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import kafka
from json_lines import Member, Refusals, data, record, serve
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

BASE = {"bootstrap_servers": os.environ["BROKERS"], "client_id": "kafka-python"}
TIMEOUT_S = 30


def record_of(message):
    return record(message.partition, message.offset, message.key, message.value, message.headers)


def polled(consumer, most=None):
    return [record_of(message) for batch in consumer.poll(100, max_records=most).values() for message in batch]


class GroupConsumer:
    def __init__(self, group, topic):
        self.consumer = KafkaConsumer(
            topic,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=6000,
            heartbeat_interval_ms=300,
            metadata_max_age_ms=2000,
            **BASE,
        )
        # Before it joins it must have learned of the topic's partitions: when it learns of them later it joins anew,
        # and 3.0.12 drops its assignment if a poll ends in the middle of that.
        self.consumer.topics()

    def poll(self):
        return polled(self.consumer)

    def assignment(self):
        return [partition.partition for partition in self.consumer.assignment()]

    def commit(self):
        self.consumer.commit()

    def close(self):
        self.consumer.close(autocommit=False)


class Ops:
    def __init__(self):
        self.admin = KafkaAdminClient(**BASE)
        self.members = {}
        self.transactional = {}

    def version(self):
        return kafka.__version__

    def send(self, producer, topic, records):
        sent = [
            producer.send(
                topic,
                value=data(one["value"]),
                key=data(one["key"]),
                headers=[(name, data(content)) for name, content in one.get("headers", [])],
                partition=one["partition"],
            )
            for one in records
        ]
        for one in sent:
            one.get(TIMEOUT_S)

    def produce(self, topic, records, compression=None, idempotent=False):
        producer = KafkaProducer(
            acks="all", compression_type=compression, enable_idempotence=idempotent, linger_ms=20, **BASE
        )
        try:
            self.send(producer, topic, records)
        finally:
            producer.close(TIMEOUT_S)

    def read(self, topic, partitions, count, isolation):
        consumer = KafkaConsumer(isolation_level=isolation, **BASE)
        try:
            all = [TopicPartition(topic, partition) for partition in range(partitions)]
            consumer.assign(all)
            consumer.seek_to_beginning(*all)
            records = []
            while len(records) < count:
                records += polled(consumer, count - len(records))
            return records
        finally:
            consumer.close()

    def join(self, member, group, topic, protocol):
        self.members[member] = Member(lambda: GroupConsumer(group, topic))

    def seen(self, member):
        return self.members[member].seen()

    def commit(self, member):
        self.members[member].ask(lambda consumer: consumer.commit())

    def leave(self, member):
        self.members.pop(member).leave()

    def transaction(self, transactionalId, topic, records, outcome):
        producer = self.transactional.get(transactionalId)
        if producer is None:
            producer = KafkaProducer(transactional_id=transactionalId, **BASE)
            producer.init_transactions()
            self.transactional[transactionalId] = producer
        producer.begin_transaction()
        self.send(producer, topic, records)
        if outcome == "commit":
            producer.commit_transaction()
        else:
            producer.abort_transaction()

    def createTopic(self, topic, partitions, configs):
        self.admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])

    def describeTopic(self, topic):
        (described,) = self.admin.describe_topics([topic])
        return {"partitions": len(described["partitions"])}

    def describeConfig(self, topic, name):
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, [name])
        return self.admin.describe_configs([resource], config_filter="all")["topic"][topic][name]["value"]

    def alterConfig(self, topic, name, value):
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})
        outcome = self.admin.alter_configs([resource])["topic"][topic]
        if isinstance(outcome, Exception):
            raise outcome
        if outcome not in (None, "OK"):
            raise RuntimeError(repr(outcome))

    def deleteTopic(self, topic):
        self.admin.delete_topics([topic])

    def login(self, brokers, mechanism, username, password):
        with Refusals("kafka"):
            admin = KafkaAdminClient(
                bootstrap_servers=brokers,
                security_protocol="SASL_PLAINTEXT",
                sasl_mechanism=mechanism,
                sasl_plain_username=username,
                sasl_plain_password=password,
                bootstrap_timeout_ms=2000,
            )
            admin.list_topics()
            admin.close()

    def lag(self, group, topic, partitions):
        all = [TopicPartition(topic, partition) for partition in range(partitions)]
        committed = self.admin.list_group_offsets({group: all})[group]
        consumer = KafkaConsumer(**BASE)
        try:
            ends = consumer.end_offsets(all)
        finally:
            consumer.close()
        return [
            {"partition": one.partition, "committed": committed[one].offset, "end": ends[one]} for one in all
        ]


serve(Ops(), lambda error: getattr(error, "errno", None))
