import importlib, os, re, sys, time, traceback
sys.path.insert(0, "/bench")
import lib
part = sys.argv[1]
only = re.search(r"vmtest\.only=(\S+)", open("/proc/cmdline").read())
lib.ONLY = only.group(1) if only else ""
begin = time.monotonic()
module = importlib.import_module("s_" + part)
for name in [n for n in vars(module) if n.startswith("group_")]:
    at = time.monotonic()
    try:
        getattr(module, name)()
    except Exception:
        lib.emit("missing", f"{part}.{name[6:]}.setup", "[harness] " + traceback.format_exc().strip()[-400:])
    print(f"# {name[6:]} {time.monotonic() - at:.0f} s", flush=True)
print(f"# scenarios {time.monotonic() - begin:.0f} s", flush=True)
