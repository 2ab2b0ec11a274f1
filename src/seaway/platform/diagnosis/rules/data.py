"""Input that is not what the program expects: broken files, missing columns, values that are not numbers."""

from __future__ import annotations

import re

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again
from seaway.platform.diagnosis.evidence import brief
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.spoken import said, spoken
from seaway.platform.diagnosis.tracebacks import IN_CODE, Traceback, exception

_BROKEN_TYPES = (
    "JSONDecodeError", "ParserError", "EmptyDataError", "UnicodeDecodeError", "EOFError", "BadZipFile", "BadGzipFile",
    "UnpicklingError", "UnidentifiedImageError", "ArrowInvalid", "ParseError", "XMLSyntaxError", "InvalidFileException",
    "OutOfBoundsDatetime", "DateParseError", "ScannerError", "ComposerError", "ConstructorError", "TOMLDecodeError",
    "MissingSectionHeaderError", "DuplicateOptionError", "ParsingError",
)  # fmt: skip
_BROKEN = re.compile(
    r"(?i)parquet magic bytes not found|not a parquet file|could not convert string to (?:float|int)"
    r"|truncated file|error tokenizing data|invalid literal for int|bad magic number|is not a zip file"
    r"|cannot identify image file|corrupt|unexpected end of (?:file|input)|invalid load key"
    r"|file signature not found|malformed|does not match format|is truncated|Malformed CSV"
    r"|Unable to parse string"
)
_MISSING = re.compile(
    r"(?i)not in index|not found in axis|are in the \[columns\]|missing columns?"
    r"|columns? (?:with name )?.{0,60}(?:not found|cannot be resolved|does not exist)|UNRESOLVED_COLUMN"
    r"|Usecols do not match columns|No match for FieldRef"
)
_NUMBERS = re.compile(
    r"(?i)input (?:\w+ )?contains (?:nan|infinity)|contains nan, infinity or a value too large"
    r"|found array with 0 sample|cannot convert non-finite values|The least populated class"
    r"|y contains previously unseen labels|contains infs or nans|n_samples=0|samples of at least 2 classes|not compatible with arrays of bytes/strings"
)
_NAN = re.compile(
    r"(?i)"
    r"loss (?:is|became|=|:)\s*nan|nan loss|nan or inf found|function '\w+' returned nan|non-finite loss"
    r"|loss.{0,20}diverged|found (?:nan|inf) in loss"
)
_NO_PATH = re.compile(
    r"(?i)"
    r"PATH_NOT_FOUND|path does not exist|NoSuchKey|NoSuchBucket|specified key does not exist|BlobNotFound"
    r"|\(404\).*(?:not found|does not exist)|matched no objects or files|returned error: 404\b|404 .*(?:not found|client error)|No such object|Input path does not exist|File does not exist: "
    r"|(?<!Local)EntryNotFoundError|RepositoryNotFoundError|DatasetNotFoundError|HTTP Error 404\b"
)


_NO_FOLDER = re.compile(
    r"(?i)parent directory (?P<folder>\S+) does not exist"
    r"|non-existent directory: '(?P<quoted>[^']+)'"
)
_WRITES = re.compile(
    r"""open\(.*['"][wax][bt+]*['"]"""
    r"|\.(?:to_(?:csv|json|parquet|pickle|excel|feather|hdf|stata)|savefig|savez\w*|savetxt|save|save_model|dump|mkdir|touch|imwrite"
    r"|write_(?:text|bytes|csv|parquet|ipc|json))\("
)
"""What a line of code says that makes a file."""
_READS = re.compile(r"\b(?:load|read)\w*\(")
_POINTER = "version https://git-lfs.github.com/spec"
_ASKED = "EOF when reading a line"
_LISTED = re.compile(r"(?:None of |not found: |^)\[?(?:Index\()?\[?(?P<names>'[^\]]+')\]")
"""Where several columns are named as Python writes a list."""
_NAMED = 3
"""Columns that are named of all that are missing."""


def output_folder_missing(facts: Facts) -> Finding | None:
    """Find a file that a program writes into a folder that does not exist."""
    found = exception(facts)
    if found is None or found.program:
        return None
    told = _NO_FOLDER.search(found.text)
    path = re.search(r"'(?P<path>[^']+/[^']+)'", found.text)
    writes = (
        found.short == "FileNotFoundError"
        and _WRITES.search(found.source)
        and not _READS.search(found.source)
    )
    if told is None and not (writes and path):
        return None
    folder = (
        (told["folder"] or told["quoted"])
        if told is not None
        else path["path"].rpartition("/")[0]
        if path
        else ""
    )
    folder = IN_CODE.sub("", folder)
    return spoken(
        facts, found.line, Level.CODE, VerdictClass.USER, "OutputFolderMissing",
        wording("it writes a file{place} into the folder {folder!r}, which does not exist", folder=folder, place=found.at),
        wording("make the folder before ({code}), then: {command}", code=f"os.makedirs({folder!r}, exist_ok=True)", command=again(facts)),
    )  # fmt: skip


def input_missing(facts: Facts) -> Finding | None:
    """Find a data set or object that is not where the program looks for it."""
    found = exception(facts)
    if found is not None and found.program:
        return None
    if found is not None and found.short == "FileNotFoundError" and facts.made is not None:
        path = re.search(r"'(?P<path>[^']+)'|(?P<bare>(?:[a-z0-9]+:/)?/[\w./-]+)", found.text)
        message: str = wording("it looks for the file{place}, which is not there", place=found.at)
        if path is not None:
            message = wording(
                "it looks for the file {path!r}{place}, which is not there", path=path["path"] or path["bare"], place=found.at
            )  # fmt: skip
        step = wording(
            "put the file there (mount the volume that holds it), or correct the path, then: {command}", command=again(facts)
        )  # fmt: skip
        return _at(facts, found, "InputMissing", message, step)
    line = said(facts, _NO_PATH, last=30)
    if not line or (
        found is not None and found.line != line and not _NO_PATH.search(found.line) and facts.made is None
    ):
        return None
    return spoken(
        facts, line, Level.DATA, VerdictClass.USER, "InputMissing", wording("the data that it reads are not where it looks for them"),
        wording("correct the path or bring the data there, then: {command}", command=again(facts)),
    )  # fmt: skip


def input_broken(facts: Facts) -> Finding | None:
    """Find an input file that cannot be read as what it should be, or input that nobody types."""
    found = exception(facts)
    if found is None:
        return None
    if found.short == "EOFError" and _ASKED in found.text:
        return spoken(
            facts, found.line, Level.CODE, VerdictClass.USER, "NoTerminal",
            wording("it asks somebody to type something{place}, and nobody sits at a run", place=found.at),
            wording("have it take that as an argument or a variable, then: {command}", command=again(facts)),
        )  # fmt: skip
    if "invalid load key, 'v'" in found.text or _POINTER in facts.log_tail[-4000:]:
        return _at(
            facts, found, "InputBroken", wording("its input{place} is a pointer of git LFS, not the file itself", place=found.at),
            wording("fetch the file ({fetch}), then: {command}", fetch="git lfs pull", command=again(facts)),
        )  # fmt: skip
    if "Weights only load failed" in found.text:
        return _at(
            facts, found, "InputBroken",
            wording("its input{place} holds more than weights, and PyTorch reads no more than these unless it is told to", place=found.at),
            wording("if you trust the file, load it with {argument}, then: {command}", argument="weights_only=False", command=again(facts)),
        )  # fmt: skip
    if found.short in _BROKEN_TYPES or (
        _BROKEN.search(found.text)
        and found.short
        in ("ValueError", "OSError", "RuntimeError", "error", "ComputeError", "TypeError", "ArrowException")
    ):
        return _at(
            facts, found, "InputBroken",
            wording("its input could not be read{place}: {error}", place=found.at, error=brief(facts, found.line, 160)),
            wording("look at the input at that place, then: {command}", command=again(facts)),
        )  # fmt: skip
    return None


def column_missing(facts: Facts) -> Finding | None:
    """Find a table that lacks a column which the program names."""
    found = exception(facts)
    if found is None:
        return None
    from_table = found.short == "KeyError" and found.through(
        "pandas", "polars", "pyarrow", "dask", "datasets"
    )
    if not (
        from_table
        or found.short == "ColumnNotFoundError"
        or (
            _MISSING.search(found.text)
            and found.short in ("KeyError", "ValueError", "AnalysisException", "ArrowInvalid")
        )
    ):
        return None
    return _at(
        facts, found, "ColumnMissing", _without(_columns(found.text), found.at),
        wording("see which columns the file has, and correct the one or the other, then: {command}", command=again(facts)),
    )  # fmt: skip


def _without(columns: list[str], place: str) -> str:
    if not columns:
        return wording("its table has no such column, which the program reads{place}", place=place)
    if len(columns) == 1:
        return wording(
            "its table has no column {name!r}, which the program reads{place}", name=columns[0], place=place
        )
    return wording(
        "its table has no columns {names}, which the program reads{place}",
        names=", ".join(map(repr, columns[:_NAMED])), place=place,
    )  # fmt: skip


def _columns(text: str) -> list[str]:
    """Return which columns are missing, none where the text names none."""
    text = text[1:-1] if text[:1] == text[-1:] == '"' else text  # as Python writes a text with quotes in it
    listed = _LISTED.search(text)
    if listed:
        return re.findall(r"'([^']+)'", listed["names"])
    named = re.search(r"['\"`](?P<name>[^'\"`]+)['\"`]", text)
    return [named["name"]] if named else []


def input_unusable(facts: Facts) -> Finding | None:
    """Find values in the input that the method cannot work with: NaN, nothing, labels never seen."""
    found = exception(facts)
    if found is None or not _NUMBERS.search(found.text):
        return None
    return _at(
        facts, found, "InputUnusable",
        wording(
            "its input holds values that the method cannot work with{place}: {error}", place=found.at, error=brief(facts, found.text)
        ),
        wording("clean or fill these values, then: {command}", command=again(facts)),
    )  # fmt: skip


def loss_not_a_number(facts: Facts) -> Finding | None:
    """Find a training that was given up because its loss was no number any more."""
    line = said(facts, _NAN, last=15)
    if not line:
        return None
    return spoken(
        facts, line, Level.CODE, VerdictClass.USER, "LossNotANumber", wording("the loss became NaN or grew without bound, so the training was given up"),
        wording("lower the learning rate or clip gradients, look for NaN in the input, then: {command}", command=again(facts)),
    )  # fmt: skip


def _at(facts: Facts, found: Traceback, cause: str, message: str, step: str) -> Finding:
    return spoken(facts, found.line, Level.DATA, VerdictClass.USER, cause, message, step)
