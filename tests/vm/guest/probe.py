#!/usr/bin/python3
"""Tries operations as the service that it is, and writes what the kernel answered. probe.py FILE, a line of JSON each: [operation, path]"""
import json, os, socket, subprocess, sys, time


def attempt(operation, path):
    """Without lasting effect where it succeeds."""
    if operation in ("read", "write", "append"):
        flags = {"read": os.O_RDONLY, "write": os.O_WRONLY, "append": os.O_WRONLY | os.O_APPEND}[operation]
        os.close(os.open(path, flags | os.O_NONBLOCK))
    elif operation == "create":
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))
        os.unlink(path)
    elif operation == "mkdir":
        os.mkdir(path)
        os.rmdir(path)
    elif operation == "list":
        os.listdir(path)
    elif operation == "exec":
        subprocess.run([path], stdout=subprocess.DEVNULL, check=False)
    elif operation == "chmod":
        os.chmod(path, os.stat(path).st_mode & 0o777)
    elif operation == "chown":
        was = os.stat(path)
        os.chown(path, 12345, -1)
        os.chown(path, was.st_uid, -1)
    elif operation == "bind":
        address, port = path.rsplit(":", 1)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((address, int(port)))
    else:
        raise SystemExit(f"what is {operation}?")


for line in open(sys.argv[1]):
    operation, path = json.loads(line)
    try:
        attempt(operation, path)
        answer = None
    except OSError as error:
        answer = error.errno
    print(json.dumps([operation, path, answer]), flush=True)
print("end", flush=True)
time.sleep(1000)
