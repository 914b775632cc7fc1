"""Runs the original in a session of TensorFlow 1.15: one request a line on stdin, one answer a line on stdout.

Started with the interpreter of an old environment (Python 3.7): nothing of this project but the recorder is imported.

Request: ``{"graph": path, "feeds": in.npz, "outputs": [tensor, …], "to": out.npz}``; keys of the arrays as in a samples file.
Answer: ``{"tensorflow": version, "refused": {run: text}}`` or ``{"error": text}``.
"""

from __future__ import annotations

import json
import sys

import numpy as np


def answer(recorder, request):
    """One model: all its runs in one session; grappler's rewriting is off, as the recorder has it."""
    with np.load(request["feeds"]) as archive:
        runs = {}
        for key in archive.files:
            head, _, name = key.partition(":")
            if name:  # the rest is the description of the file
                runs.setdefault(int(head[2:]), {})[name] = archive[key]
    loaded = recorder.load(request["graph"])
    found, refused = {}, {}
    for number, feeds in sorted(runs.items()):
        feeds = {k: v.astype(object) if v.dtype.kind == "S" else v for k, v in feeds.items()}
        try:
            values = loaded.session.run(request["outputs"], feeds)
        except Exception as error:  # an input that TensorFlow itself refuses
            refused[number] = str(error).split("\n")[0][:200]
            continue
        for name, value in zip(request["outputs"], values):  # noqa: B905 (Python 3.7 has no strict)
            value = np.asarray(value)
            found[f"out{number}:{name}"] = value.astype("S") if value.dtype == object else value
    loaded.session.close()
    np.savez(request["to"], **found)
    return {"tensorflow": recorder.import_tensorflow().__version__, "refused": refused}


def main():
    """Answer until stdin ends."""
    sys.path.insert(0, sys.argv[1])
    import record_tf1 as recorder

    for line in sys.stdin:
        try:
            told = answer(recorder, json.loads(line))
        except Exception as error:
            told = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
