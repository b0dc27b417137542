"""npm packages that tests use, as tests/interop/npm/package-lock.json pins them: installed beside the programs when they
are not there yet. Call it before tap.main(): tests run in a network that has no registry."""
import fcntl
import hashlib
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
NPM = os.path.join(HERE, "..", "..", "interop", "npm")
INSTALL_LIMIT_S = 120


def install():
    """The folder of the packages, or None and why."""
    build = os.path.abspath(os.environ.get("BUILD", "."))
    with open(os.path.join(NPM, "package-lock.json"), "rb") as file:
        version = hashlib.sha256(file.read()).hexdigest()[:16]
    folder = os.path.join(build, "npm-" + version)
    with open(os.path.join(build, "npm.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test files may begin at the same time
        if os.path.isdir(os.path.join(folder, "node_modules")):
            return folder, None
        return install_in(folder)


def install_in(folder):
    npm = shutil.which("npm")
    if npm is None:
        return None, "needs npm: apt-get install npm"
    os.makedirs(folder, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(NPM, name), folder)
    try:
        subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True,
                       timeout=INSTALL_LIMIT_S, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except (subprocess.SubprocessError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        return None, "npm cannot install what %s/package-lock.json names" % NPM
    return folder, None
