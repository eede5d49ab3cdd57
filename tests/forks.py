"""The command line in processes of their own, without each of them loading all its modules anew.

`python -m tests.forks SOCKET` loads them once. Everybody who connects and says what is to be run gets a fork of it
that runs it, and its exit status. Loading takes a second, and there are many commands to test.
"""

import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

from starter import cli


def serve(path: str) -> None:
    """Run what is asked for, each in a process of its own, for as long as whoever started this is there."""
    parent = os.getppid()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{path}.unready")
    listening.listen(64)
    os.rename(f"{path}.unready", path)
    listening.settimeout(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
    while os.getppid() == parent:
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            connection.settimeout(None)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _answer(connection)
            os._exit(0)
        connection.close()


def _answer(connection: socket.socket) -> None:
    command = json.loads(connection.makefile().readline())
    process = os.fork()
    if process == 0:
        _run(command["arguments"], command["environment"], Path(command["folder"]))
    _, status = os.waitpid(process, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _run(arguments: list[str], environment: dict[str, str], folder: Path) -> None:
    """Be the command: its standard streams are files of that folder."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, name, flags in (
        (0, "in", os.O_RDONLY),
        (1, "out", os.O_WRONLY | os.O_CREAT),
        (2, "err", os.O_WRONLY | os.O_CREAT),
    ):
        os.dup2(os.open(name, flags), number)
    sys.argv = ["s47", *arguments]
    try:
        cli.main()
        code: object = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    serve(sys.argv[1])
