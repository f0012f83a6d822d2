"""A request in, an answer out (the package's docstring says which)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from guideline_benchmarks.guidelines.export.exporter.errors import RefusedError, first_line
from guideline_benchmarks.guidelines.export.exporter.limits import Watch, confine


class Stage:
    """Tells the caller what is being done, for the case that this process ends in it."""

    def __init__(self, out: Path) -> None:
        self.file = out / "stage"

    def __call__(self, doing: str) -> None:
        """Write the end of "while it was …"."""
        self.file.write_text(doing)


def answer(request: dict[str, Any], stage: Stage) -> dict[str, Any]:
    """Load, run and export what a request names; return what is found of it."""
    if request["file"]:
        from guideline_benchmarks.guidelines.export.exporter.onnx_file import OnnxFile

        file = OnnxFile(request, stage)
        return file.count() if request["count"] else file.run()
    from guideline_benchmarks.guidelines.export.exporter.torch_module import TorchModule

    module = TorchModule(request, stage)
    if request["count"]:
        return module.count()
    found = module.run()
    module.write()
    return found


def missing(error: ImportError, request: dict[str, Any]) -> str:
    """Return the sentence for a Python that lacks what an export needs."""
    return (
        f"{sys.executable} cannot export {request['model']}, since it lacks {error.name}: install "
        f"{error.name} there, or name another Python with --python."
    )


def end(found: dict[str, Any], out: Path) -> NoReturn:
    """Write the answer, whole, and end at once: threads and hooks of the user's have no say."""
    temporary = out / ".answer"
    temporary.write_text(json.dumps(found), encoding="utf-8")
    temporary.replace(out / "answer")
    os._exit(0)


def main() -> None:
    """Answer the request in the file that is named on the command line; end at once."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    out = Path(request["out"])
    confine(request["memory"], request["caller"])
    watch = Watch(request["model"], lambda why: end({"refused": why}, out))
    try:
        found = answer(request, Stage(out))
        watch.end_copies()
        watch.refuse_leftovers()
    except RefusedError as refused:
        found = {"refused": str(refused)}
    except ImportError as error:
        found = {"refused": missing(error, request)}
    except BaseException as error:
        found = {"refused": f"{request['model']} cannot be exported: {first_line(error)}"}
    watch.end_copies()
    end(found, out)
