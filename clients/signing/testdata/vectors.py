import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.dont_write_bytecode = True
from calotype_signing import expiry, sign  # noqa: E402

with open(sys.argv[1], encoding="utf-8") as file:
    vectors = json.load(file)
seen, wrong = 0, 0


def check(name, got, want):
    global seen, wrong
    seen += 1
    if got != want:
        wrong += 1
        print(f"{name}: {got}, want {want}")


def refused(v):
    try:
        return sign(v["key"], v["path"])
    except ValueError:
        return "refused"


for v in vectors["sign"]:
    check(v["name"], sign(v["key"], v["path"], v["expires"], v["grant"]), v["signed"])
for v in vectors["refused"]:
    check(v["name"], refused(v), "refused")
for v in vectors["expiry"]:
    check(v["name"], expiry(v["life"], v["now"]), v["expires"])
print(f"{seen} vectors")
sys.exit(wrong > 0)
