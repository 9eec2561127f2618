"""DuckDB with the relations of one guideline: batches of cells in, rows of answers out."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from service.advice.question import Questioner
from service.cohort.asking import WORDS, Asked, Cells, ask_line
from service.cohort.dialect import DUCKDB, text
from service.cohort.files import Batch
from service.cohort.mapping import BadInputError
from service.cohort.plan import RULE, Plan
from service.cohort.reading import columns_of
from service.cohort.relations import WORD
from service.cohort.sql import Statement
from service.cohort.tables import Columns, tables_of
from service.facts.json_body import Json

SLOW_BATCH = 5000
"""Patients read one by one whose rows are held at once."""
ELSEWHERE = "/*"
"""Counted in place of a member that is none of the vocabulary's, whose name a caller made, or an item of a list."""
OWN = {"own_id": "VARCHAR", "own_warnings": "VARCHAR[]", "own_errors": "VARCHAR[]"}
"""Columns of what is said to a patient who was asked one by one."""


class Task:
    """What is asked of every patient of a run, and the relations that answer, laid out once for all engines.

    `facts` takes away the members that are no facts.
    """

    def __init__(
        self,
        questioner: Questioner,
        today: dt.date,
        keep: Sequence[str],
        facts: Callable[[Json], Json],
        *,
        safe_cells: bool,
    ) -> None:
        self.questioner, self.today, self.safe_cells = questioner, today, safe_cells
        self.keep, self.facts = tuple(keep), facts
        self.cells = Cells(questioner, today)
        self.plan = Plan(questioner.guideline)
        self.tables = dict(tables_of(self.plan))


class Engine:
    """Answers batches, one at a time. Its memory does not grow with their number.

    `spill`: a folder for what `memory`, in bytes, does not hold.
    """

    def __init__(self, task: Task, spill: Path, memory: int) -> None:
        self.questioner, self.today = task.questioner, task.today
        self.keep, self.facts, self.cells = task.keep, task.facts, task.cells
        self.safe_cells, self.formulas = task.safe_cells, 0
        self.vocabulary = task.questioner.guideline.vocabulary
        self.columns = tuple(columns_of(self.vocabulary))
        self.members = _pointers(self.columns)
        # With several threads a join does not keep the order of the patients, which nothing else in a file may tell.
        self.connection = duckdb.connect(
            config={"memory_limit": f"{memory}B", "temp_directory": str(spill), "threads": 1}
        )
        # The patients stay on the left of every join: they stream past the relations, in their order.
        self.connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        plan = task.plan
        for name, columns in task.tables.items():
            load(self.connection, name, columns)
        self.statement = Statement(plan, DUCKDB, task.today.isoformat())
        self.kept = tuple(f"keep {number}" for number in range(len(self.keep)))
        self.unknown = tuple(plan.weights)
        self.plan = plan
        self.rules = plan.features[RULE].values
        # Beyond the answers stand the refusals, and beyond these what is said to one patient alone.
        self.answers = len(plan.outcomes)
        self.said = self.answers + 2 * len(self.rules)
        self.connection.execute("ALTER TABLE outcome RENAME TO outcome_of_all")
        self.asked: dict[str, Counter[str]] = {}

    def answer(self, batch: Batch) -> int:
        """Answer a batch; gives its number of rows. Raises BadInputError."""
        run = self.connection.execute
        self.asked = {name: Counter() for name in ("status", *COUNTED, *LISTED, URGENT)}
        run(f"CREATE OR REPLACE TABLE coded AS {self.statement.coded(batch.source, self.kept)}")
        number, unread = run("SELECT count(*), count(unread) FROM coded").fetchone() or (0, 0)
        if batch.rows not in (None, number):
            raise BadInputError(f"{batch.rows} rows stand there and {number} were read")
        own = ", ".join(f"NULL::{kind} AS {name}" for name, kind in OWN.items())
        run(f"CREATE OR REPLACE TABLE outcome AS SELECT *, {own} FROM outcome_of_all ORDER BY k")
        # Of a body that is refused the pointers depend on its form, which cells do not have.
        if unread or batch.lines:
            run("CREATE OR REPLACE TABLE places (place BIGINT, own BIGINT)")
            first = self.said
            for asked in self._asked(
                batch, f"unread IS NOT NULL OR said >= {self.answers if batch.lines else self.said}"
            ):
                self._insert(asked, first)
                first += len(asked)
            run("UPDATE coded SET said = places.own FROM places WHERE coded.rowid = places.place")
        return int(number)

    def _asked(self, batch: Batch, again: str) -> Iterator[list[tuple[int, Asked]]]:
        """What the relations could not read, asked one by one."""
        reading = self.connection.cursor()
        reading.execute(f"SELECT rowid, unread FROM coded WHERE {again} ORDER BY rowid")
        while some := reading.fetchmany(SLOW_BATCH):
            yield [(place, self._ask(batch, place, cells)) for place, cells in some]

    def _ask(self, batch: Batch, place: int, cells: list[str | None]) -> Asked:
        if batch.lines:
            return ask_line(self.questioner, batch.lines[place], self.today, self.facts)
        stated = {column: cell for column, cell in zip(self.columns, cells, strict=True) if cell is not None}
        return self.cells.ask(stated)

    def _insert(self, asked: list[tuple[int, Asked]], first: int) -> None:
        """Give each of these a row of `outcome` of its own."""
        for _, each in asked:
            self.asked["status"][str(each.status)] += 1
            for name in COUNTED:
                self.asked[name].update(word for word in (each.words[WORDS.index(name)],) if word)
            self.asked["warning"].update(each.warnings or ())
            self.asked["error"].update(map(self._counted, each.errors or ()))
            self.asked[URGENT]["urgent"] += each.urgent is not None
        columns: dict[str, tuple[str, list[Any]]] = {
            "k": ("BIGINT", [first + number for number in range(len(asked))]),
            "status": ("BIGINT", [each.status for _, each in asked]),
            **{
                "own_id" if name == "decision_id" else name: ("VARCHAR", [each.words[place] for _, each in asked])
                for place, name in enumerate(WORDS)
            },
            "urgent": ("VARCHAR", [each.urgent for _, each in asked]),
            "own_warnings": ("VARCHAR[]", [each.warnings for _, each in asked]),
            "own_errors": ("VARCHAR[]", [each.errors for _, each in asked]),
        }
        names, listed = (
            ", ".join(map(DUCKDB.name_of, columns)),
            ", ".join(f"unnest(?::{k}[])" for k, _ in columns.values()),
        )
        run = self.connection.execute
        run(f"INSERT INTO outcome ({names}) SELECT {listed}", [values for _, values in columns.values()])
        places = [place for place, _ in asked]
        run("INSERT INTO places SELECT unnest(?::BIGINT[]), unnest(?::BIGINT[])", [places, columns["k"][1]])

    def _counted(self, error: str) -> str:
        """What is counted of an error: nothing that the caller wrote."""
        rule, _, place = error.partition(" ")
        above = place
        while above and above not in self.members:
            above = above.rpartition("/")[0]
        return f"{rule} {above}{'' if above == place else ELSEWHERE}"

    def counts(self) -> dict[str, dict[str, int]]:
        """What a report counts of this batch."""
        run = self.connection.execute
        counts = {name: Counter(found) for name, found in self.asked.items()}
        for said, number in run(f"SELECT said, count(*) FROM coded WHERE said < {self.said} GROUP BY 1").fetchall():
            if said < self.answers:
                outcome = self.plan.outcomes[said]
                counts["rule"][outcome.rule.id] += number
                counts["certainty"][outcome.certainty] += number
                counts["urgency"][outcome.urgency] += number
            counts["status"]["200" if said < self.answers else "422"] += number
            counts[URGENT]["urgent"] += number * (said >= self.answers + len(self.rules))
        warned = {
            label: f"count(nullif(warnings{word} & {mask}, 0))"
            for label, (word, mask) in self.plan.warnings.masks.items()
        }
        sums = ", ".join(("sum(further)", *warned.values()))
        found = run(f"SELECT {sums} FROM coded WHERE said < {self.answers}").fetchone()
        counts["warning"].update({n: v for n, v in zip(("modifier", *warned), found or (), strict=True) if v})
        counts["error"].update(self._conflicts())
        bits = ", ".join(
            f"count(nullif(unknown{place // WORD} & {1 << place % WORD}, 0))" for place in range(len(self.unknown))
        )
        unknown = run(f"SELECT count(*), {bits} FROM coded WHERE unread IS NULL").fetchone() or ()
        counts["unknown"] = Counter(dict(zip(("read", *self.unknown), map(int, unknown), strict=True)))
        counts[FORMULAS] = Counter(cells=self.formulas)
        return {name: {label: int(number) for label, number in found.items()} for name, found in counts.items()}

    def _conflicts(self) -> Counter[str]:
        """Count the contradictions of the patients that the relations refuse; a guideline may have none."""
        masks = self.plan.contradictions.masks
        if not masks:
            return Counter()
        words = ", ".join(f"contradictions{word}" for word in range(len(self.plan.contradictions.words)))
        found: Counter[str] = Counter()
        refused = f"said >= {self.answers} AND said < {self.said}"
        for *bits, number in self.connection.execute(
            f"SELECT {words}, count(*) FROM coded WHERE {refused} GROUP BY ALL"
        ).fetchall():
            found.update({label: number for label, (word, mask) in masks.items() if bits[word] & mask})
        return found

    def write(self, file: Path, kind: str, done: int) -> int:
        """Write the rows of the batch to a file; gives their number. `done`: rows before them."""
        q = DUCKDB.name_of
        statement = self.statement.said(
            "(SELECT *, rowid AS place FROM coded)", ("place", "said", *map(q, self.kept)), tuple(OWN)
        )
        safe = _safe if self.safe_cells else q
        self.formulas = 0
        if kind == ".csv" and self.kept and not self.safe_cells:
            cells = " + ".join(f"count(*) FILTER ({_is_formula(kept)})" for kept in self.kept)
            (self.formulas,) = self.connection.execute(f"SELECT {cells} FROM coded").fetchone() or (0,)
        names = [f"{safe(kept)} AS {q(name)}" for kept, name in zip(self.kept, self.keep, strict=True)]
        row = [f"place + {done + 1} AS row", "status", "coalesce(own_id, reckoned) AS decision_id"]
        row += [q(name) for name in WORDS if name != "decision_id"]
        for name, found in (("warnings", "warnings"), ("errors", "faults")):
            if kind == ".csv":
                mine, theirs = f"array_to_string(own_{name}, ';')", found
            else:
                mine, theirs = f"coalesce(own_{name}, [])", f"coalesce(string_split({found}, ';'), [])"
            row.append(f"CASE WHEN said >= {self.said} THEN {mine} ELSE {theirs} END AS {name}")
        options = {".csv": "FORMAT csv, HEADER false", ".parquet": "FORMAT parquet, COMPRESSION zstd"}
        select = f"SELECT {', '.join((*names, *row))}, urgent FROM ({statement})"
        quoted = ", FORCE_QUOTE *" if self.safe_cells else ""
        copy = f"COPY ({select}) TO {text(str(file))} ({options.get(kind, 'FORMAT json')}{quoted})"
        written = self.connection.execute(copy).fetchone() or (0,)
        return int(written[0])


COUNTED = ("rule", "certainty", "urgency")
LISTED, URGENT, FORMULAS = ("warning", "error"), "urgent_refusals", "formulas"


def _is_formula(kept: str) -> str:
    """The SQL that tells whether a spreadsheet would run a cell: it begins like a formula, and is no number.

    A spreadsheet of another language takes a semicolon for the end of a cell; then one begins behind it.
    """
    cell = f"CAST({DUCKDB.name_of(kept)} AS VARCHAR)"
    return f"(regexp_matches({cell}, {text(FORMULA)}) AND try_cast({cell} AS DOUBLE) IS NULL)"


FORMULA = r"(^|[;,\t\r\n])\s*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
"""At its beginning = + - or @, in full width too."""


def _safe(kept: str) -> str:
    """The SQL of a cell that no spreadsheet runs."""
    cell = DUCKDB.name_of(kept)
    return f"CASE WHEN {_is_formula(kept)} THEN concat({text(APOSTROPHE)}, {cell}) ELSE {cell} END"


APOSTROPHE = "'"
"""What follows it is text, to a spreadsheet."""


def nothing(task: Task) -> Batch:
    """A batch of no patients."""
    columns = (*columns_of(task.questioner.guideline.vocabulary), *(f"keep {n}" for n in range(len(task.keep))))
    cells = ", ".join(f"CAST(NULL AS VARCHAR) AS {DUCKDB.name_of(name)}" for name in columns)
    return Batch(f"(SELECT {cells} WHERE false)", 0, 0)


def _pointers(columns: Sequence[str]) -> set[str]:
    """The pointers of all members that a body can have, a finding's presence among them."""
    found: set[str] = set()
    for column in columns:
        place = ""
        for name in column.split("."):
            place += f"/{name}"
            found.add(place)
    return found | {f"{place}/presence" for place in found if f"{place}/grade" in found}


def load(connection: duckdb.DuckDBPyConnection, name: str, columns: Columns) -> None:
    """Make a table of some columns."""
    kinds = {column: "BIGINT" if isinstance(values[0], int) else "VARCHAR" for column, values in columns.items()}
    listed = ", ".join(f"unnest(?::{kind}[]) AS {DUCKDB.name_of(column)}" for column, kind in kinds.items())
    connection.execute(f"CREATE TABLE {DUCKDB.name_of(name)} AS SELECT {listed}", list(columns.values()))
