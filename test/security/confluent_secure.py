"""Logs in at a secure broker by every mechanism, manages users and rules, and prints what it saw as JSON."""
import json
import sys
import time
import uuid

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

brokers, authority = sys.argv[1:3]
DEADLINE_SECONDS = 15


def login(mechanism, user, password):
    return {
        "bootstrap.servers": brokers,
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": authority,
        "sasl.mechanism": mechanism,
        "sasl.username": user,
        "sasl.password": password,
        "log_level": 0,
    }


def write(config, topic, values):
    outcomes = []
    producer = Producer(config)
    for value in values:
        producer.produce(topic, value=value, on_delivery=lambda error, _: outcomes.append(error))
    producer.flush(DEADLINE_SECONDS)
    return outcomes


def read(config, topic, count):
    group = {"group.id": str(uuid.uuid4()), "auto.offset.reset": "earliest"}
    consumer = Consumer({**config, **group})
    consumer.subscribe([topic])
    values = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(values) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            values.append(message.value().decode())
    consumer.close()
    return values


seen = {}
for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]:
    config = login(mechanism, "alice", "alice-secret")
    write(config, f"topic-of-{mechanism}", ["0", "1", "2"])
    seen[mechanism] = read(config, f"topic-of-{mechanism}", 3)

admin = AdminClient(login("PLAIN", "admin", "admin-secret"))
allowed = "topic-of-SCRAM-SHA-256"
rule = [ResourceType.TOPIC, allowed, ResourcePatternType.LITERAL, "User:carol", "*"]
for made in admin.create_acls([AclBinding(*rule, AclOperation.READ, AclPermissionType.ALLOW)]).values():
    made.result()
every = [ResourceType.ANY, None, ResourcePatternType.ANY, None, None]
found = admin.describe_acls(AclBindingFilter(*every, AclOperation.ANY, AclPermissionType.ANY)).result()
seen["acls"] = [f"{a.principal} {a.operation.name} {a.permission_type.name} {a.name}" for a in found]

info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 8192)
for made in admin.alter_user_scram_credentials([UserScramCredentialUpsertion("carol", info, b"hers")]).values():
    made.result()
told = admin.describe_user_scram_credentials(["carol"])["carol"].result()
seen["credentials"] = [[i.mechanism.name, i.iterations] for i in told.scram_credential_infos]
carol = login("SCRAM-SHA-256", "carol", "hers")
seen["carol writes"] = write(carol, allowed, ["x"])[0].name()

errors = []
wrong = Producer({**login("SCRAM-SHA-256", "carol", "guess"), "error_cb": lambda error: errors.append(error.name())})
deadline = time.monotonic() + DEADLINE_SECONDS
while not errors and time.monotonic() < deadline:
    wrong.poll(0.1)
seen["wrong password"] = errors[0] if errors else None
print(json.dumps(seen))
