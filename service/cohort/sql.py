"""The statement that joins the relations: from the cells of each patient to a row of the answer."""

from collections.abc import Iterator, Sequence

from service.cohort.dialect import Dialect, text
from service.cohort.plan import GRADE, LIMB, LIMB_DIGITS, RULE, TIER_BITS, Plan
from service.cohort.reading import Reader, columns_of
from service.cohort.relations import WORD, Relation, Sieve
from service.cohort.tables import TOGETHER, table_name
from service.facts.identifier import CHECK_LENGTH, VERSION
from service.knowledge.model import CERTAINTIES

CHUNK = 62**TOGETHER
CODE = "code of "
"""Before the name of a feature, which may be that of a column of cells too."""


class Statement:
    """Writes the statement for one plan, dialect and day."""

    def __init__(self, plan: Plan, dialect: Dialect, today: str) -> None:
        self.plan, self.dialect = plan, dialect
        self.reader = Reader(plan.guideline.vocabulary, dialect, today)
        self.columns = {name: set(columns) for name, columns in plan.columns.items()}

    def write(self, source: str, keep: Sequence[str] = ()) -> str:
        """The whole statement. `source` has a column of text for each of `columns_of`, and those to keep.

        A row whose cells cannot be read has them in `unread`; else that is NULL, and the rest of the row is right.
        """
        coded, q = self.coded(source, keep), self.dialect.name_of
        words = ", ".join(("status", "decision_id", *map(q, ANSWER)))
        lists = ", ".join(f"{self.dialect.split.format(name)} AS {name}" for name in ("warnings", "faults"))
        said = self.said(f"({coded})", ("unread", *map(q, keep)))
        return f"SELECT {', '.join(('unread', *map(q, keep)))}, {words}, {lists}, urgent FROM (\n{said}) AS said"

    def coded(self, source: str, keep: Sequence[str] = ()) -> str:
        """The part that reads and joins: of each patient the numbers of which `said` makes words."""
        q = self.dialect.name_of
        self.carried = ", ".join(("unread", *map(q, keep)))
        vocabulary = self.plan.guideline.vocabulary
        readings = dict(self.reader.readings())
        parts = ",\n  ".join(f"{sql} AS {q(CODE + name)}" for name, sql in readings.items())
        steps, before = [], f"{source} AS cells"
        for number, columns in enumerate(self.reader.lists()):
            added = "".join(f",\n  {sql} AS {q(name)}" for name, sql in columns)
            steps.append(f"lists{number} AS (SELECT *{added}\n FROM {before})")
            before = f"lists{number}"
        steps.append(f"readings AS (SELECT *,\n  {parts}\n FROM {before})")
        codes = ",\n  ".join(f"coalesce({q(CODE + name)}, 0) AS {q(name)}" for name in readings)
        rest = "".join(
            f",\n  0 AS {q(f.name)}" for f in self.plan.stated if f.name not in readings
        )  # the form of a body: a file has none
        unread = " + ".join(q(CODE + name) for name in readings)
        cells = self.dialect.listed.format(", ".join(q(column) for column in columns_of(vocabulary)))
        kept = "".join(f", {q(name)}" for name in keep)
        steps.append(
            f"stated AS (SELECT CASE WHEN ({unread}) IS NULL THEN {cells} END AS unread{kept},\n"
            f"  {codes}{rest}\n FROM readings)"
        )
        steps += self._joined()
        return "WITH " + ",\n".join(steps) + "\n" + self._coded()

    # ---- joining -------------------------------------------------------------------------------------------------

    def _joined(self) -> Iterator[str]:
        """Steps that join what can be joined, until everything is."""
        q = self.dialect.name_of
        before, known = "stated", {feature.name for feature in self.plan.stated}
        open_relations, open_tables = list(self.plan.relations), dict(self.plan.large)
        at_home: set[str] = set()
        have: set[str] = set()
        release, step = self.plan.guideline.release, 0
        last = {RULE, GRADE, release.tier, *(axis.name for axis in self.plan.axes)}
        while open_relations or open_tables:
            step += 1
            now = [r for r in open_relations if all(f.name in known for f in r.key)]
            tables = {n: s for n, s in open_tables.items() if s.features <= at_home}
            later = last | {f.name for r in open_relations if r not in now for f in r.key}
            added = [f"s.{q(name)}" for name in sorted(known & later)]
            sums = self._gathered(now, have)
            added += [f"{sql} AS {q(name)}" for name, sql in sums.items()]
            added += [f"{q(r.name)}.{q(t.name)}" for r in now for t in r.derives]
            added += [f"{self._first(sieve)} AS {q(name)}" for name, sieve in tables.items()]
            joins = "".join(
                f"\n JOIN {table_name(r.name)} AS {q(r.name)} ON {q(r.name)}.k = {self._key(r)}" for r in now
            )
            yield f"step{step} AS (SELECT {self.carried}, {', '.join(added)}\n FROM {before} AS s{joins})"
            before = f"step{step}"
            have |= set(sums)
            for relation in now:
                at_home |= set(relation.home)
                known |= {table.name for table in relation.derives}
                open_relations.remove(relation)
            for name in tables:
                known.add(name)
                del open_tables[name]
            if not now and not tables:
                raise ValueError(f"these tables wait for each other: {[r.name for r in open_relations]}")
        self.last = before

    def _gathered(self, now: list[Relation], have: set[str]) -> dict[str, str]:
        """What has been gathered so far with what these relations add: sums of digits and tiers, AND of bits."""
        q = self.dialect.name_of
        found: dict[str, list[str]] = {name: [f"s.{q(name)}"] for name in sorted(have)}
        derived = {table.name for relation in self.plan.relations for table in relation.derives}
        for relation in now:
            for column in sorted(self.columns[relation.name] - derived):
                found.setdefault(column, []).append(f"{q(relation.name)}.{q(column)}")
            if "apart0" not in self.columns[relation.name]:
                for column in sorted(c for c in self.columns[relation.name] if c.startswith("messages")):
                    found.setdefault(column.replace("messages", "apart"), []).append(f"{q(relation.name)}.{q(column)}")
        return {
            name: (" + " if name.startswith(("id", "tiers", "unknown")) else " & ").join(parts)
            for name, parts in found.items()
        }

    def _key(self, relation: Relation) -> str:
        q, stride, parts = self.dialect.name_of, 1, []
        for feature in relation.key:
            parts.append(f"s.{q(feature.name)} * {stride}")
            stride *= len(feature.values)
        return " + ".join(parts)

    def _first(self, sieve: Sieve) -> str:
        """The place of the first label whose boxes fit."""
        q = self.dialect.name_of
        feature = self.plan.features[sieve.name]
        cases = " ".join(
            f"WHEN s.{q(f'{sieve.name}{word}')} & {mask} <> 0 THEN {feature.values.index(label)}"
            for label, (word, mask) in sieve.masks.items()
        )
        return f"CASE {cases} END"

    # ---- the row -------------------------------------------------------------------------------------------------

    def _coded(self) -> str:
        q, plan = self.dialect.name_of, self.plan
        release, ranks, rules = plan.guideline.release, plan.guideline.tier_rank, len(plan.features[RULE].values)
        join = ""
        if plan.heard:
            key, stride = [], 1
            for axis in plan.axes:
                key.append(f"s.{q(axis.name)} * {stride}")
                stride *= len(axis.values)
            join = f"\n JOIN supporting ON supporting.k = {' + '.join(key)}"
        tier = f"s.{q(release.tier)}" if release.tier else "-1"
        conflict = " OR ".join(f"s.{q(name)} <> 0" for name in self._bits(plan.contradictions)) or "false"
        refused = f"({conflict}) AND {tier} <> {ranks.get(release.emergency_tier or '', -2)}"
        urgent = f"CASE WHEN {tier} = {ranks.get(release.urgent_tier or '', -2)} THEN {rules} ELSE 0 END"
        lowered = f"({self._levels()} + {len(CERTAINTIES)} * {self._urgency_floor()})"
        answer = f"s.{q(RULE)} + {rules} * (s.{q(GRADE)} + {len(plan.features[GRADE].values)} * {lowered})"
        columns = [
            self.carried,
            *self.unknown,
            f"CASE WHEN {refused} THEN {len(plan.outcomes)} + s.{q(RULE)} + {urgent} ELSE {answer} END AS said",
            f"{self._messages(tier)} AS further",
            *(f"s.{q(name)}" for sieve in (plan.warnings, plan.contradictions) for name in self._bits(sieve)),
            *(f"{part} AS part{number}" for number, (part, _) in enumerate(self._parts())),
        ]
        return f"SELECT {', '.join(columns)}\n FROM {self.last} AS s{join}"

    @property
    def unknown(self) -> list[str]:
        """The columns with a bit for each stated feature of which nothing is said."""
        return [f"unknown{word}" for word in range(-(-len(self.plan.weights) // WORD))]

    @staticmethod
    def _bits(sieve: Sieve) -> list[str]:
        return [f"{sieve.name}{word}" for word in range(len(sieve.words))]

    def _parts(self) -> Iterator[tuple[str, int]]:
        """The number of the decision_id in parts of an even number of digits, the least significant first."""
        total, below = "s.id0", ""
        for limb in range(self.plan.limbs):
            part, digits = f"({total} % {LIMB})", LIMB_DIGITS
            if below:
                part, digits = f"({part} * 62 + {below})", digits + 1
            below = self.dialect.divided.format(part, 62 ** (digits - 1)) if digits % 2 else ""
            yield (f"({part} % {62 ** (digits - 1)})" if below else part), digits // TOGETHER
            total = f"(s.id{limb + 1} + {self.dialect.divided.format(total, LIMB)})"
        if below:
            yield below, 1

    def said(self, source: str, carried: Sequence[str], own: Sequence[str] = ()) -> str:
        """The part that makes words of what `coded` gives. `own`: columns of `outcome` to be carried too."""
        q, plan = self.dialect.name_of, self.plan
        joins, texts = "", {}
        for sieve in (plan.warnings, plan.contradictions):
            names = []
            for number, (word, start, part) in enumerate(sieve.chunks):
                name = f"{sieve.name}_text{number}"
                bits = self.dialect.divided.format(f"s.{q(f'{sieve.name}{word}')}", 1 << start)
                joins += f"\n JOIN {name} ON {name}.k = ({bits}) & {(1 << len(part)) - 1}"
                names.append(f"{name}.text")
            texts[sieve.name] = ", ".join(names) or "''"
        digits: list[str] = []
        for number, (_, pairs) in enumerate(self._parts()):
            for pair in range(pairs):
                name = f"d{number}_{pair}"
                value = self.dialect.divided.format(f"s.part{number}", CHUNK**pair)
                joins += f"\n JOIN digits AS {name} ON {name}.k = {value} % {CHUNK}"
                digits.insert(0, f"{name}.text")
        joins += "\n JOIN outcome ON outcome.k = s.said"
        prefix = text(f"{VERSION}_{plan.guideline.release.id}_{plan.guideline.release.release}_")
        number_of = f"TRIM(LEADING '0' FROM concat({', '.join(digits)}))"
        answers, trim = len(plan.outcomes), self.dialect.trim
        kept = ", ".join((*carried, *own))
        words = ", ".join(("status", *map(q, ANSWER), "urgent"))
        marks = CHECK_LENGTH // TOGETHER
        mark = [self.dialect.divided.format("mark", CHUNK**place) for place in reversed(range(marks))]
        return f"""WITH named AS (SELECT {kept}, {words},
  concat({prefix}, coalesce(nullif({number_of}, ''), '0')) AS name,
  CASE WHEN s.said < {answers} THEN nullif({
            trim.format(f"concat({texts['warnings']}, repeat('modifier;', CAST(further AS INT)))")
        }, '') END AS warnings,
  CASE WHEN s.said >= {answers} THEN nullif({trim.format(f"concat({texts['contradictions']})")}, '') END AS faults
 FROM {source} AS s{joins}),
marked AS (SELECT *, {self.dialect.check.format("name", 62**CHECK_LENGTH)} AS mark FROM named)
SELECT {kept}, {words}, warnings, faults,
 CASE WHEN {q("rule")} IS NOT NULL THEN concat(name, '_', {", ".join(f"c{n}.text" for n in range(marks))}) END
  AS {"decision_id" if not own else "reckoned"}
FROM marked{"".join(f" JOIN digits AS c{n} ON c{n}.k = {value} % {CHUNK}" for n, value in enumerate(mark))}"""

    def _levels(self) -> str:
        q, sieve = self.dialect.name_of, self.plan.lowering
        parts = [
            f"CASE WHEN s.{q(f'lowering{word}')} & {mask} <> 0 THEN 1 ELSE 0 END" for word, mask in sieve.masks.values()
        ]
        return f"least({len(CERTAINTIES) - 1}, {' + '.join(parts)})" if parts else "0"

    def _urgency_floor(self) -> str:
        """The place of the most urgent of the floors that hold."""
        q, masks, floors = self.dialect.name_of, self.plan.floors.masks, self.plan.urgency_floors
        cases = " ".join(
            f"WHEN s.{q(f'floors{masks[floor][0]}')} & {masks[floor][1]} <> 0 THEN {floors.index(floor)}"
            for floor in reversed(floors)
            if floor in masks
        )
        return f"CASE {cases} ELSE 0 END" if cases else "0"

    def _messages(self, tier: str) -> str:
        """How many different warnings the modifiers give, under the rule that leads and those that support it."""
        q, plan = self.dialect.name_of, self.plan
        parts = []
        for word, mask in plan.messages.masks.values():
            bits = [f"s.{q(f'messages{word}')}"]
            for heard in plan.heard:
                rank = plan.guideline.tier_rank[heard]
                count = self.dialect.divided.format("s.tiers", 1 << (TIER_BITS * rank)) + f" & {(1 << TIER_BITS) - 1}"
                others = f"({count}) > CASE WHEN {tier} = {rank} THEN 1 ELSE 0 END"
                support = q(f"support{rank}_{word}")
                bits.append(f"CASE WHEN {others} THEN s.{q(f'apart{word}')} & supporting.{support} ELSE 0 END")
            parts.append(f"CASE WHEN ({' | '.join(bits)}) & {mask} <> 0 THEN 1 ELSE 0 END")
        return " + ".join(parts) or "0"


ANSWER = ("rule", "code", "direction", "strength", "certainty", "urgency")
"""Members of a row that are words; decision_id and warnings stand beside them."""
