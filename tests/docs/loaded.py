"""A project that is loaded once: what a page types as ``./manage.py …`` runs in a copy of it, in a tenth of the time.

As a program it stands in for ``python`` in the reader's ``PATH``: it hands its files, folder and words to the process
that has the project loaded (``serve``), and ends as the copy does. Whatever else ``python`` is asked for, it is.
"""

import array
import json
import os
import socket
import sys

#: Names the environment variables with the socket, and with the true Python.
SOCKET, PYTHON = "PAGE_SOCKET", "PAGE_PYTHON"


def ask(arguments):
    """Let a copy of the loaded project do it; return its exit code."""
    with socket.socket(socket.AF_UNIX) as there:
        there.connect(os.environ[SOCKET])
        files = array.array("i", [0, 1, 2])
        there.sendmsg([json.dumps(arguments).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
        return int(there.recv(16) or b"70")


def serve(path):
    """Load the project of this folder, and run commands in copies of it until the process is ended."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    sys.path.insert(0, os.getcwd())
    django.setup()
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(path)
        here.listen()
        print("ready", flush=True)
        while True:
            asked, _ = here.accept()
            with asked:
                text, sent, *_ = asked.recvmsg(1 << 16, socket.CMSG_LEN(12))
                files = array.array("i")
                files.frombytes(sent[0][2])
                if pid := os.fork():
                    _, status = os.waitpid(pid, 0)
                    asked.sendall(str(os.waitstatus_to_exitcode(status)).encode())
                    for file in files:
                        os.close(file)
                else:
                    work(json.loads(text), files)


def work(arguments, files):
    """Do what ``manage.py`` does, with the files of who has asked, and end."""
    from django.core.management import execute_from_command_line

    for number, file in enumerate(files):
        os.dup2(file, number)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    code = 0
    try:
        execute_from_command_line(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2])
    elif sys.argv[1:2] == ["./manage.py"]:
        sys.exit(ask(sys.argv[1:]))
    os.execv(os.environ[PYTHON], [os.environ[PYTHON], *sys.argv[1:]])
