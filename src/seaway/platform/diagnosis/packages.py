"""Which package to install for a module whose name differs from its package's."""

from __future__ import annotations

PACKAGE_OF_MODULE = {
    "Crypto": "pycryptodome",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "google.protobuf": "protobuf",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "lightning_fabric": "lightning",
    "magic": "python-magic",
    "mpl_toolkits": "matplotlib",
    "umap": "umap-learn",
    "psycopg2": "psycopg2-binary",
    "pytorch_lightning": "pytorch-lightning",
    "sentence_transformers": "sentence-transformers",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "torch_geometric": "torch-geometric",
    "usb": "pyusb",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}

SHARED = frozenset(
    {
        "google",
        "azure",
        "ruamel",
        "opentelemetry",
        "nvidia",
        "mpl_toolkits",
        "sphinxcontrib",
        "zope",
        "backports",
        "jaraco",
    }
)
"""Modules that several packages share: that one is there tells nothing of another."""
_OWN = frozenset({
    "api", "app", "asgi", "common", "config", "configs", "conf", "constants", "core", "data", "dataset", "engine", "eval", "evaluate",
    "evaluation", "experiments", "features", "helper", "helpers", "layers", "lib", "libs", "loader", "loaders",
    "loss", "losses", "main", "model", "models", "modules", "network", "networks", "options", "pipeline", "pipelines",
    "predict", "preprocess", "preprocessing", "scripts", "server", "service", "services", "settings", "src", "tasks", "test", "tests", "tools",
    "train", "trainer", "training", "transforms", "util", "utils", "wsgi",
})  # fmt: skip


def is_likely_own(module: str) -> bool:
    """Tell whether a module is called as people call parts of their own projects: no package of that name is meant."""
    return module.partition(".")[0] in _OWN


def package_of(module: str) -> str:
    """Return the package that most likely holds a module: a known one, or the module's own first name."""
    top = module.partition(".")[0]
    return PACKAGE_OF_MODULE.get(module) or PACKAGE_OF_MODULE.get(top) or top.replace("_", "-")
