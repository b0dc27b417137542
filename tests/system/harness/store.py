"""The database of a server under test, as an operator has it: turnadmin writes, SQL looks."""
import os
import sqlite3
import subprocess

from . import tap
from .server import Folder


class Store:
    count = 0

    def __init__(self):
        Store.count += 1
        self.path = os.path.join(Folder.get(), "turndb%d" % Store.count)

    @property
    def option(self):
        return "--userdb=" + self.path

    def admin(self, *words, text=""):
        """Runs turnadmin; what it wrote."""
        program = os.path.join(os.environ.get("BUILD", "."), "turnadmin")
        result = subprocess.run([os.path.abspath(program), "-b", self.path, *words],
                                input=text.encode(), capture_output=True, timeout=30, check=False)
        if result.returncode != 0:
            raise tap.Failure("turnadmin %s: %s" % (" ".join(words), result.stderr.decode()))
        return result.stdout.decode()

    def coturn_admin(self, *words):
        """Runs coturn's turnadmin, which leaves a log behind."""
        program = tap.need_program("turnadmin", "coturn")
        subprocess.run([program, "-b", self.path, *words], cwd=Folder.get(), timeout=30, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sql(self, text, *values):
        database = sqlite3.connect(self.path)
        try:
            with database:
                return database.execute(text, values).fetchall()
        finally:
            database.close()
