"""The statement that joins the relations: from the cells of each patient to a row of the answer."""

from collections.abc import Iterator, Sequence

from service.cohort.dialect import Dialect, text
from service.cohort.plan import GRADE, LIMB, LIMB_DIGITS, RULE, TIER_BITS, Plan
from service.cohort.reading import Reader, columns_of
from service.cohort.relations import WORD, Relation, Sieve
from service.cohort.tables import TOGETHER, table_name
from service.facts.identifier import CHECK_LENGTH, VERSION

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
        """The statement. `source` has a column of text for each of `columns_of`, and those to keep.

        A row whose cells cannot be read has them in `unread`; else that is NULL, and the rest of the row is right.
        """
        q = self.dialect.name_of
        self.carried = ", ".join(("unread", *map(q, keep)))
        vocabulary = self.plan.guideline.vocabulary
        readings = dict(self.reader.readings())
        parts = ",\n  ".join(f"{sql} AS {q(CODE + name)}" for name, sql in readings.items())
        steps = [f"readings AS (SELECT *,\n  {parts}\n FROM {source} AS cells)"]
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
        steps.append(self._row())
        return "WITH " + ",\n".join(steps) + "\n" + self._final()

    # ---- joining -------------------------------------------------------------------------------------------------

    def _joined(self) -> Iterator[str]:
        """Steps that join what can be joined, until everything is."""
        q = self.dialect.name_of
        before, known = "stated", {feature.name for feature in self.plan.stated}
        open_relations, open_tables = list(self.plan.relations), dict(self.plan.large)
        at_home: set[str] = set()
        have: set[str] = set()
        step = 0
        while open_relations or open_tables:
            step += 1
            now = [r for r in open_relations if all(f.name in known for f in r.key)]
            tables = {n: s for n, s in open_tables.items() if s.features <= at_home}
            added = [f"s.{q(name)}" for name in sorted(known)]
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
        self.last, self.known, self.have = before, known, have

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

    def _row(self) -> str:
        q, plan = self.dialect.name_of, self.plan
        release = plan.guideline.release
        joins, texts = "", {}
        for sieve in (plan.warnings, plan.contradictions):
            names = []
            for number, (word, start, part) in enumerate(sieve.chunks):
                name = f"{sieve.name}_text{number}"
                bits = (
                    self.dialect.divided.format(f"s.{q(f'{sieve.name}{word}')}", 1 << start)
                    + f" & {(1 << len(part)) - 1}"
                )
                joins += f"\n JOIN {name} ON {name}.k = {bits}"
                names.append(f"{name}.text")
            texts[sieve.name] = f"concat({', '.join(names)})" if names else "''"
        lowered = self._levels()
        rules, grades = len(plan.features[RULE].values), len(plan.features[GRADE].values)
        joins += f"\n JOIN outcome ON outcome.k = s.{q(RULE)} + {rules} * (s.{q(GRADE)} + {grades} * {lowered})"
        if plan.heard:
            key, stride = [], 1
            for axis in plan.axes:
                key.append(f"s.{q(axis.name)} * {stride}")
                stride *= len(axis.values)
            joins += f"\n JOIN supporting ON supporting.k = {' + '.join(key)}"
        tier = f"s.{q(release.tier)}" if release.tier else "-1"
        ranks = plan.guideline.tier_rank
        digits = [
            f"{self.dialect.divided.format(limb, CHUNK**part)} % {CHUNK}"
            for limb in reversed(self._limbs())
            for part in reversed(range(LIMB_DIGITS // TOGETHER))
        ]
        for number, value in enumerate(digits):
            joins += f"\n JOIN digits AS d{number} ON d{number}.k = {value}"
        prefix = f"{VERSION}_{release.id}_{release.release}_"
        name = f"concat('0', {', '.join(f'd{number}.text' for number in range(len(digits)))})"
        stripped = f"coalesce(nullif(regexp_replace({name}, '^0+', ''), ''), '0')"
        self.unknown = ", ".join(f"unknown{word}" for word in range(-(-len(plan.weights) // WORD)))
        conflict = " OR ".join(f"s.{q(f'contradictions{word}')} <> 0" for word in range(len(plan.contradictions.words)))
        return f"""answered AS (SELECT {self.carried}, {self.unknown}, outcome.rule, outcome.code,
  outcome.direction, outcome.strength, outcome.certainty, outcome.urgency, concat({text(prefix)}, {stripped}) AS name,
  {tier} = {ranks.get(release.urgent_tier or "", -2)} AS urgent,
  ({conflict or "false"}) AND {tier} <> {ranks.get(release.emergency_tier or "", -2)} AS refused,
  concat({texts["warnings"]}, repeat('modifier;', {self._messages(tier)})) AS warnings,
  {texts["contradictions"]} AS faults
 FROM {self.last} AS s{joins})"""

    def _limbs(self) -> list[str]:
        """The limbs of the number of the decision_id, the least significant first, each carried into the next."""
        found, total = [], "s.id0"
        for limb in range(1, self.plan.limbs + 1):
            found.append(f"({total} % {LIMB})")
            total = f"(s.id{limb} + {self.dialect.divided.format(total, LIMB)})"
        return found

    def _levels(self) -> str:
        q, sieve = self.dialect.name_of, self.plan.lowering
        parts = [
            f"CASE WHEN s.{q(f'lowering{word}')} & {mask} <> 0 THEN 1 ELSE 0 END" for word, mask in sieve.masks.values()
        ]
        return f"least(3, {' + '.join(parts)})" if parts else "0"

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

    def _final(self) -> str:
        q = self.dialect.name_of
        check = self.dialect.check.format("name", 62**CHECK_LENGTH)
        columns = [
            self.carried, self.unknown, "CASE WHEN refused THEN 422 ELSE 200 END AS status",
            "CASE WHEN NOT refused THEN concat(name, '_', c0.text, c1.text) END AS decision_id",
            *(f"CASE WHEN NOT refused THEN {q(name)} END AS {q(name)}" for name in ANSWER),
            f"CASE WHEN NOT refused AND warnings <> '' THEN {self.dialect.split.format('warnings')} END AS warnings",
            f"CASE WHEN refused THEN {self.dialect.split.format('faults')} END AS faults",
            "CASE WHEN refused AND urgent THEN code END AS urgent",
        ]  # fmt: skip
        high, low = self.dialect.divided.format(check, CHUNK), f"{check} % {CHUNK}"
        return (
            f"SELECT {', '.join(columns)}\nFROM answered\n JOIN digits AS c0 ON c0.k = {high}"
            f"\n JOIN digits AS c1 ON c1.k = {low}"
        )


ANSWER = ("rule", "code", "direction", "strength", "certainty", "urgency")
"""Members of a row that are words; decision_id and warnings stand beside them."""
