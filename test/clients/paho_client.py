"""MQTT clients, told what to do by a JSON argument; prints a line of JSON per event. Used by paho.ts.

With the action "publish" each line of the input is a message, for which a client connects, publishes and leaves. All
others are one client until the process is ended.
"""
import json
import os
import signal
import sys
import threading

import paho.mqtt.client as mqtt

command = json.loads(sys.argv[1])


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def client_of(client_id):
    is_v5 = command["version"] == "5"
    arguments = {"client_id": client_id, "protocol": mqtt.MQTTv5 if is_v5 else mqtt.MQTTv311}
    if command["isWebSocket"]:
        arguments["transport"] = "websockets"
    if hasattr(mqtt, "CallbackAPIVersion"):
        arguments["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION1
    client = mqtt.Client(**arguments)
    if command["isWebSocket"]:
        client.ws_set_options(path="/mqtt")
    if command["ca"] is not None:
        client.tls_set(command["ca"])
    return client


def run(client, port, on_connected, ended):
    def on_connect(client, userdata, flags, code, properties=None):
        if code != 0:
            print(f"refused: {code}", file=sys.stderr, flush=True)
            os._exit(1)
        on_connected()

    client.on_connect = on_connect
    client.connect("127.0.0.1", port)
    client.loop_start()
    ended.wait()
    client.disconnect()
    client.loop_stop()


def publish(order):
    client = client_of(order["clientId"])
    ended = threading.Event()

    def on_publish(client, userdata, mid):
        client.disconnect()
        ended.set()

    client.on_publish = on_publish
    message = (order["topic"], order["payload"], order["qos"], order["retain"])
    run(client, order["port"], lambda: client.publish(*message), ended)
    say("published")


def stay():
    client = client_of(command["clientId"])
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())

    def on_message(client, userdata, found):
        payload = found.payload.decode()
        say("message", topic=found.topic, payload=payload, qos=found.qos, retain=bool(found.retain))

    client.on_message = on_message
    client.on_subscribe = lambda *_: say("ready")
    if command["action"] == "subscribe":
        on_connected = lambda: client.subscribe(command["filter"], command["qos"])
    else:
        client.will_set(command["topic"], command["payload"], command["qos"], command["retain"])
        on_connected = lambda: say("ready")
    run(client, command["port"], on_connected, ended)


if command["action"] == "publish":
    for line in sys.stdin:
        publish(json.loads(line))
else:
    stay()
