"""One MQTT client, told what to do by a JSON argument; prints a line of JSON per event. Used by paho.ts."""
import json
import signal
import sys
import threading

import paho.mqtt.client as mqtt

command = json.loads(sys.argv[1])
is_v5 = command["version"] == "5"
arguments = {"client_id": command["clientId"], "protocol": mqtt.MQTTv5 if is_v5 else mqtt.MQTTv311}
if command["isWebSocket"]:
    arguments["transport"] = "websockets"
if hasattr(mqtt, "CallbackAPIVersion"):
    arguments["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION1
client = mqtt.Client(**arguments)
if command["isWebSocket"]:
    client.ws_set_options(path="/mqtt")
if command["ca"] is not None:
    client.tls_set(command["ca"])
ended = threading.Event()


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def on_connect(client, userdata, flags, code, properties=None):
    if code != 0:
        sys.exit(f"refused: {code}")
    if command["action"] == "subscribe":
        client.subscribe(command["filter"], command["qos"])
    elif command["action"] == "publish":
        client.publish(command["topic"], command["payload"], command["qos"], command["retain"])
    else:
        say("ready")


def on_message(client, userdata, message):
    say("message", topic=message.topic, payload=message.payload.decode(), qos=message.qos, retain=bool(message.retain))


def on_publish(client, userdata, mid):
    client.disconnect()
    ended.set()


client.on_connect = on_connect
client.on_message = on_message
client.on_publish = on_publish
client.on_subscribe = lambda *_: say("ready")
signal.signal(signal.SIGTERM, lambda *_: ended.set())
if command["action"] == "will":
    client.will_set(command["topic"], command["payload"], command["qos"], command["retain"])
client.connect("127.0.0.1", command["port"])
client.loop_start()
ended.wait()
client.disconnect()
client.loop_stop()
