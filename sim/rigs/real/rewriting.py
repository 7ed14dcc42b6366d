"""Statements of a stock migration, rewritten so that nobody waits long for them. Pure.

Each statement becomes acts that may run on a live table one by one, or it is refused with the
reason: nothing that can't be done online is ever run silently. pglast parses by Postgres' own
grammar; it is imported here alone, and only when something is rewritten.

    CREATE INDEX                     CONCURRENTLY, outside a transaction
    DROP INDEX                       CONCURRENTLY, behind the creation of what takes its place
    an index of the same name again  built under another name, the old one dropped, renamed
    ADD FOREIGN KEY, ADD CHECK       NOT VALID, then VALIDATE
    SET NOT NULL                     by a validated CHECK, which spares the scan under the lock
    ADD COLUMN and its like          alone, as it is: the catalog changes, no row does
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec

Kind = Literal["build", "drop", "brief", "scan"]
"""build, drop: an index, concurrently · brief: a lock for a moment · scan: reads a table, locks nobody out."""

NEW = "_online"
"""End of the name under which an index is built whose own name is still taken."""
NAME_MAX = 63
"""Source: Postgres' NAMEDATALEN - 1."""

_STABLE = frozenset({"now", "current_timestamp", "transaction_timestamp", "statement_timestamp"})
"""Functions of a default that one value stands for: no row is written when the column is added."""


class Recorded(NamedTuple):
    """One text that the stock migrator sent: a file's, often several statements."""

    version: str
    text: str


class Act(msgspec.Struct, frozen=True):
    """One statement to run on the live database."""

    version: str
    sql: str
    kind: Kind
    index: str = ""
    """The index that it builds or drops."""


class Refused(msgspec.Struct, frozen=True):
    """A statement that can't be made online."""

    version: str
    sql: str
    why: str


class Rewritten(msgspec.Struct, frozen=True):
    """What became of all statements."""

    acts: list[Act]
    refused: list[Refused]


class _No(Exception):
    """Why a statement can't be made online."""


def rewrite(recorded: Iterable[Recorded]) -> Rewritten:
    """Rewrite in order; acts keep the order of the versions."""
    from pglast import parse_sql
    from pglast.parser import ParseError

    acts: list[Act] = []
    refused: list[Refused] = []
    made: set[str] = set()
    for version, text in recorded:
        mine: list[Act] = []
        try:
            statements = [raw.stmt for raw in parse_sql(text)]
        except ParseError as error:
            refused.append(Refused(version, _one_line(text), f"Postgres' own grammar does not know it: {error}"))
            continue
        for statement in statements:
            try:
                mine += _statement(version, statement, made)
            except _No as no:
                refused.append(Refused(version, _text(statement), str(no)))
        acts += _swapped(mine)
    return Rewritten(acts, refused)


def _statement(version: str, statement: Any, made: set[str]) -> list[Act]:
    name = type(statement).__name__
    read = _READERS.get(name)
    if read is None:
        raise _No(f"nobody knows how to do {name.removesuffix('Stmt')} online")
    return [Act(version, sql, kind, index) for sql, kind, index in read(statement, made)]


_Read = Iterator[tuple[str, Kind, str]]


def _create_table(statement: Any, made: set[str]) -> _Read:
    made.add(statement.relation.relname)
    yield _text(statement), "brief", ""


def _create_index(statement: Any, made: set[str]) -> _Read:
    if statement.relation.relname in made:
        yield _text(statement), "brief", ""
        return
    if not statement.idxname:
        raise _No("an index without a name can't be found again after an interruption")
    statement.concurrent, statement.if_not_exists = True, False
    yield _text(statement), "build", statement.idxname


def _drop(statement: Any, made: set[str]) -> _Read:
    from pglast.enums import ObjectType

    if statement.removeType != ObjectType.OBJECT_INDEX:
        raise _No("what it drops is still read by the old version")
    for parts in statement.objects:
        index = parts[-1].sval
        yield f"DROP INDEX CONCURRENTLY IF EXISTS {_quoted(index)}", "drop", index


def _alter_table(statement: Any, made: set[str]) -> _Read:
    table = statement.relation.relname
    if table in made:
        yield _text(statement), "brief", ""
        return
    commands = list(statement.cmds)
    for command in commands:
        for sql, kind in _command(statement, command, table):
            yield sql, kind, ""


def _command(statement: Any, command: Any, table: str) -> Iterator[tuple[str, Kind]]:
    from pglast.enums import AlterTableType as T

    def alone() -> str:
        statement.cmds = (command,)
        return _text(statement)

    match command.subtype:
        case T.AT_AddColumn:
            _check_column(command.def_)
            yield alone(), "brief"
        case T.AT_DropNotNull | T.AT_ColumnDefault | T.AT_DropConstraint | T.AT_SetStatistics:
            yield alone(), "brief"
        case T.AT_ValidateConstraint:
            yield alone(), "scan"
        case T.AT_AddConstraint:
            yield from _constraint(command.def_, table, alone)
        case T.AT_SetNotNull:
            check = _quoted(f"{table}_{command.name}_online"[:NAME_MAX])
            target, column = _quoted(table), _quoted(command.name)
            yield f"ALTER TABLE {target} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID", "brief"
            yield f"ALTER TABLE {target} VALIDATE CONSTRAINT {check}", "scan"
            yield alone(), "brief"
            yield f"ALTER TABLE {target} DROP CONSTRAINT {check}", "brief"
        case T.AT_AlterColumnType:
            raise _No("another type writes every row of the table anew")
        case T.AT_DropColumn:
            raise _No("the column it drops is still read by the old version")
        case other:
            raise _No(f"nobody knows how to do {getattr(other, 'name', other)} online")


def _check_column(column: Any) -> None:
    """_No unless a column can be added without writing a row."""
    from pglast.enums import ConstrType as C

    kinds = {c.contype: c for c in column.constraints or ()}
    if set(kinds) - {C.CONSTR_NOTNULL, C.CONSTR_NULL, C.CONSTR_DEFAULT}:
        raise _No("the column comes with a constraint that reads or writes every row")
    default = kinds[C.CONSTR_DEFAULT].raw_expr if C.CONSTR_DEFAULT in kinds else None
    if default is None and C.CONSTR_NOTNULL in kinds:
        raise _No("a column that must not be null and has no default fits no row")
    if default is not None and not _is_constant(default):
        raise _No("the default is another for each row, so every row would be written")


def _is_constant(expression: Any) -> bool:
    name = type(expression).__name__
    if name == "TypeCast":
        return _is_constant(expression.arg)
    if name == "FuncCall":
        return expression.funcname[-1].sval in _STABLE and not expression.args
    return name in ("A_Const", "SQLValueFunction")


def _constraint(constraint: Any, table: str, alone: Callable[[], str]) -> Iterator[tuple[str, Kind]]:
    from pglast.enums import ConstrType as C

    if constraint.contype not in (C.CONSTR_FOREIGN, C.CONSTR_CHECK):
        raise _No("a key is built under a lock that lets nobody in")
    if not constraint.conname:
        raise _No("a constraint without a name can't be validated afterwards")
    validate = not constraint.skip_validation
    constraint.skip_validation, constraint.initially_valid = True, False
    yield alone(), "brief"
    if validate:
        yield f"ALTER TABLE {_quoted(table)} VALIDATE CONSTRAINT {_quoted(constraint.conname)}", "scan"


def _comment(statement: Any, made: set[str]) -> _Read:
    yield _text(statement), "brief", ""


def _rows(statement: Any, made: set[str]) -> _Read:
    if statement.relation.relname not in made:
        raise _No("it changes rows that are in use: how many, and what the old version makes of it, nobody knows")
    yield _text(statement), "brief", ""


_READERS: dict[str, Callable[[Any, set[str]], _Read]] = {
    "CreateStmt": _create_table, "IndexStmt": _create_index, "DropStmt": _drop, "AlterTableStmt": _alter_table,
    "CommentStmt": _comment, "InsertStmt": _rows, "UpdateStmt": _rows, "DeleteStmt": _rows}


def _swapped(acts: list[Act]) -> list[Act]:
    """Indexes are built before the old ones go; one whose name is taken gets its own at the end."""
    dropped = {act.index for act in acts if act.kind == "drop"}
    first: list[Act] = []
    last: list[Act] = []
    renames: list[Act] = []
    for act in acts:
        if act.kind == "drop":
            last.append(act)
        elif act.kind == "build" and act.index in dropped:
            new = act.index[:NAME_MAX - len(NEW)] + NEW
            first.append(msgspec.structs.replace(act, sql=_renamed(act.sql, new), index=new))
            renames.append(Act(act.version, f"ALTER INDEX {_quoted(new)} RENAME TO {_quoted(act.index)}", "brief"))
        else:
            first.append(act)
    return [*first, *last, *renames]


def _renamed(sql: str, name: str) -> str:
    from pglast import parse_sql

    statement: Any = parse_sql(sql)[0].stmt
    statement.idxname = name
    return _text(statement)


def _text(statement: Any) -> str:
    from pglast.stream import RawStream

    return str(RawStream()(statement)).strip()


def _quoted(name: str) -> str:
    return name if name.isidentifier() and name == name.lower() else '"' + name.replace('"', '""') + '"'


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
