"""aiokafka: requests are served on one event loop."""

import asyncio
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import aiokafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from json_lines import Refusals, Refused, answer, data, record, requests

BASE = {"bootstrap_servers": os.environ["BROKERS"], "client_id": "aiokafka"}


def record_of(message):
    return record(message.partition, message.offset, message.key, message.value, message.headers)


def check(code, message):
    if code != 0:
        raise Refused(code, str(message))


class Member:
    """Reads on the loop until it is left."""

    @staticmethod
    async def join(group, topic):
        member = Member()
        member.records = []
        member.consumer = AIOKafkaConsumer(
            topic,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=6000,
            heartbeat_interval_ms=300,
            retry_backoff_ms=50,
            metadata_max_age_ms=2000,
            **BASE,
        )
        await member.consumer.start()
        member.task = asyncio.create_task(member.read())
        return member

    async def read(self):
        while True:
            try:
                for batch in (await self.consumer.getmany(timeout_ms=100)).values():
                    self.records += [record_of(message) for message in batch]
            except aiokafka.errors.KafkaError as error:  # the broker may be restarting
                print("getmany", repr(error), file=sys.stderr)

    def seen(self):
        assignment = sorted(partition.partition for partition in self.consumer.assignment())
        return {"assignment": assignment, "records": list(self.records)}

    async def leave(self):
        self.task.cancel()
        await self.consumer.stop()


class Ops:
    def __init__(self, admin):
        self.admin = admin
        self.members = {}
        self.transactional = {}

    async def version(self):
        return aiokafka.__version__

    async def send(self, producer, topic, records):
        sent = [
            await producer.send(
                topic,
                value=data(one["value"]),
                key=data(one["key"]),
                partition=one["partition"],
                headers=[(name, data(content)) for name, content in one.get("headers", [])],
            )
            for one in records
        ]
        await asyncio.gather(*sent)

    async def produce(self, topic, records, compression=None, idempotent=False):
        producer = AIOKafkaProducer(
            acks="all", compression_type=compression, enable_idempotence=idempotent, linger_ms=20, **BASE
        )
        await producer.start()
        try:
            await self.send(producer, topic, records)
        finally:
            await producer.stop()

    async def read(self, topic, partitions, count, isolation):
        consumer = AIOKafkaConsumer(isolation_level=isolation, enable_auto_commit=False, **BASE)
        await consumer.start()
        try:
            all = [TopicPartition(topic, partition) for partition in range(partitions)]
            consumer.assign(all)
            await consumer.seek_to_beginning(*all)
            records = []
            while len(records) < count:
                for batch in (await consumer.getmany(timeout_ms=100, max_records=count - len(records))).values():
                    records += [record_of(message) for message in batch]
            return records
        finally:
            await consumer.stop()

    async def join(self, member, group, topic, protocol):
        self.members[member] = await Member.join(group, topic)

    async def seen(self, member):
        return self.members[member].seen()

    async def commit(self, member):
        await self.members[member].consumer.commit()

    async def leave(self, member):
        await self.members.pop(member).leave()

    async def transaction(self, transactionalId, topic, records, outcome):
        producer = self.transactional.get(transactionalId)
        if producer is None:
            producer = AIOKafkaProducer(transactional_id=transactionalId, **BASE)
            await producer.start()
            self.transactional[transactionalId] = producer
        await producer.begin_transaction()
        await self.send(producer, topic, records)
        if outcome == "commit":
            await producer.commit_transaction()
        else:
            await producer.abort_transaction()

    async def createTopic(self, topic, partitions, configs):
        made = await self.admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])
        for _, code, message in made.topic_errors:
            check(code, message)

    async def describeTopic(self, topic):
        (described,) = await self.admin.describe_topics([topic])
        check(described["error_code"], topic)
        return {"partitions": len(described["partitions"])}

    async def describeConfig(self, topic, name):
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {name: None})
        (described,) = await self.admin.describe_configs([resource])
        code, message, _, _, entries = described.resources[0][:5]
        check(code, message)
        return entries[0][1]

    async def alterConfig(self, topic, name, value):
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})
        (altered,) = await self.admin.alter_configs([resource])
        code, message = altered.resources[0][:2]
        check(code, message)

    async def deleteTopic(self, topic):
        deleted = await self.admin.delete_topics([topic])
        for _, code in deleted.topic_error_codes:
            check(code, topic)

    async def login(self, brokers, mechanism, username, password):
        admin = AIOKafkaAdminClient(
            bootstrap_servers=brokers,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism=mechanism,
            sasl_plain_username=username,
            sasl_plain_password=password,
        )
        with Refusals("aiokafka"):
            try:
                await admin.start()
                await admin.list_topics()
            finally:
                await admin.close()

    async def lag(self, group, topic, partitions):
        all = [TopicPartition(topic, partition) for partition in range(partitions)]
        committed = await self.admin.list_consumer_group_offsets(group, partitions=all)
        consumer = AIOKafkaConsumer(**BASE)
        await consumer.start()
        try:
            ends = await consumer.end_offsets(all)
        finally:
            await consumer.stop()
        return [
            {"partition": one.partition, "committed": committed[one].offset, "end": ends[one]} for one in all
        ]


async def main():
    admin = AIOKafkaAdminClient(**BASE)
    await admin.start()
    ops = Ops(admin)
    loop = asyncio.get_running_loop()
    waiting = requests()
    # Reading a line must not hold up the members.
    while (request := await loop.run_in_executor(None, next, waiting, None)) is not None:
        number, op, parameters = request
        try:
            answer(number, await getattr(ops, op)(**parameters))
        except Exception as error:  # every failure is an answer
            code = error.code if isinstance(error, Refused) else getattr(error, "errno", None)
            answer(number, error=error, code=code)


asyncio.run(main())
