"""The loop of a driver in Python: a request per line comes in, an answer per line goes out."""

import json
import logging
import queue
import sys
import threading
import traceback

# Kafka's names of the error codes that the scenarios meet.
KAFKA_NAMES = {
    3: "UNKNOWN_TOPIC_OR_PARTITION",
    10: "MESSAGE_TOO_LARGE",
    36: "TOPIC_ALREADY_EXISTS",
    40: "INVALID_CONFIG",
    42: "INVALID_REQUEST",
    58: "SASL_AUTHENTICATION_FAILED",
}


class Refused(Exception):
    """The broker answered with an error code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Refusals(logging.Handler):
    """Some clients name a refused login in their log only: within this, it is an error."""

    def __init__(self, logger):
        super().__init__()
        self.logger = logging.getLogger(logger)
        self.said = []

    def emit(self, entry):
        self.said.append(entry.getMessage())

    def __enter__(self):
        self.logger.addHandler(self)

    def __exit__(self, kind, error, trace):
        self.logger.removeHandler(self)
        refused = [line for line in self.said if "SaslAuthenticationFailed" in line]
        if error is not None and refused:
            raise Refused(58, refused[0]) from error


def text(data):
    return None if data is None else data.decode()


def data(value):
    return None if value is None else value.encode()


def record(partition, offset, key, value, headers):
    return {
        "partition": partition,
        "offset": offset,
        "key": text(key),
        "value": text(value),
        "headers": [[name, text(content)] for name, content in headers or ()],
    }


def requests():
    """Requests as (id, op, parameters)."""
    for line in sys.stdin:
        parameters = json.loads(line)
        yield parameters.pop("id"), parameters.pop("op"), parameters


def answer(number, result=None, error=None, code=None):
    body = {"id": number}
    if error is None:
        body["result"] = result
    else:
        traceback.print_exception(error)
        name = KAFKA_NAMES.get(code, None if code is None else f"code {code}")
        body["error"] = {"kafka": name, "message": repr(error)}
    sys.stdout.write(json.dumps(body, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def serve(ops, code_of):
    """Serves requests until the input ends; code_of gives Kafka's code of an error of this client, or None."""
    for number, op, parameters in requests():
        try:
            answer(number, getattr(ops, op)(**parameters))
        except Exception as error:  # every failure is an answer
            answer(number, error=error, code=getattr(error, "code", None) if isinstance(error, Refused) else code_of(error))


class Member(threading.Thread):
    """A member of a group whose consumer is used by one thread: it polls, and does what is asked in between.

    open() gives an object with poll() -> records, assignment() -> partitions, commit() and close().
    """

    def __init__(self, open):
        super().__init__(daemon=True)
        self.open = open
        self.asked = queue.Queue()
        self.records = []
        self.left = False
        self.start()

    def run(self):
        consumer = self.open()
        while not self.left:
            try:
                self.records.extend(consumer.poll())
            except Exception as error:  # the broker may be restarting
                print("poll", repr(error), file=sys.stderr)
            while not self.asked.empty():
                what, done = self.asked.get()
                try:
                    done.put((True, what(consumer)))
                except Exception as error:
                    done.put((False, error))

    def ask(self, what):
        done = queue.Queue()
        self.asked.put((what, done))
        ended_well, result = done.get(timeout=35)
        if not ended_well:
            raise result
        return result

    def seen(self):
        def now(consumer):
            return {"assignment": sorted(consumer.assignment()), "records": list(self.records)}

        return self.ask(now)

    def leave(self):
        def close(consumer):
            self.left = True
            consumer.close()

        self.ask(close)
        self.join(timeout=10)
