"""Has Microsoft's own T-SQL parser and its model of a database judge statements.

It reads a request from its standard input and writes a part of a report to its standard output, both JSON;
judge.go has their fields. Its arguments are the folder that internal/testbed/tsql/fetch has filled, and which part:
parse or resolve. Whatever the statements are it ends with 0: what a refusal means is for its caller to say.
"""

import json
import os
import random
import re
import sys

FOLDER = sys.argv[1]
TOOLS = os.path.join(FOLDER, "python", "mssqlcli", "mssqltoolsservice", "bin")
LEVELS = (100, 110, 120, 130, 140, 150, 160, 170)  # those that the parser has are judged at
JUDGED = 150  # SQL Server 2019
MOST_SPOILT = 10  # models, until the rest is left unjudged


def start():
    """Starts the runtime in this process. What is imported from it afterwards is Microsoft's."""
    import clr_loader
    import pythonnet

    here = os.path.dirname(os.path.abspath(__file__))
    pythonnet.set_runtime(
        clr_loader.get_coreclr(
            runtime_config=os.path.join(here, "runtimeconfig.json"),
            dotnet_root=os.path.join(FOLDER, "python", "dotnetcore2", "bin"),
        )
    )
    import clr

    for name in ("TransactSql.ScriptDom", "Dac", "Dac.Extensions"):
        clr.AddReference(os.path.join(TOOLS, "Microsoft.SqlServer." + name + ".dll"))


class Parser:
    """The parser of one level, as a connection with QUOTED_IDENTIFIER ON has it."""

    def __init__(self, level):
        from Microsoft.SqlServer.TransactSql import ScriptDom
        from System.IO import StringReader

        self.reader = StringReader
        self.parser = getattr(ScriptDom, "TSql%dParser" % level)(True)

    def refusal(self, text):
        """Why the parser refuses a text, "" where it does not."""
        _, errors = self.parser.Parse(self.reader(text), None)
        if errors.Count == 0:
            return ""
        first = errors[0]
        return "%d at %d:%d: %s" % (first.Number, first.Line, first.Column, first.Message)


def levels():
    from Microsoft.SqlServer.TransactSql import ScriptDom

    return [n for n in LEVELS if hasattr(ScriptDom, "TSql%dParser" % n)]


TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<text>N?'(?:[^']|'')*')
    |(?P<name>\[(?:[^\]]|\]\])*\]|"(?:[^"]|"")*")
    |(?P<variable>@(?!@)[\w@#$]+)
    |(?P<number>\d[\w.]*)
    |(?P<word>@@\w+|[^\W\d][\w@#$]*)
    |(?P<sign><>|<=|>=|.)""",
    re.DOTALL | re.VERBOSE,
)
VALUES = ("text", "name", "variable", "number")


def tokens(text):
    """The tokens of a statement, with the spaces between them, as pairs of kind and text."""
    return [(m.lastgroup, m.group()) for m in TOKEN.finditer(text)]


def shape(parts):
    """What a parser sees of a statement: names and numbers do not count, nor does how long a list of them is."""
    kinds = [kind if kind in VALUES else text.upper() for kind, text in parts if kind != "space"]
    kept = []
    for kind in kinds:
        kept.append(kind)
        while len(kept) >= 4 and kept[-1] == "," and kept[-2:] == kept[-4:-2]:
            del kept[-2:]
    return " ".join(kept)


def misfit(parts, count):
    """Where the variables of a statement are not its count parameters @p1 to @pN, and those that it declares."""
    used, declared = set(), set()
    before = ""
    for kind, text in parts:
        if kind == "variable":
            (declared if before.upper() == "DECLARE" else used).add(text.lower())
        if kind != "space":
            before = text
    sent = {"@p%d" % (n + 1) for n in range(count)}
    missing = sorted(used - declared - sent)
    idle = sorted(sent - used)
    problems = []
    if missing:
        problems.append("it uses %s, which nobody declares" % ", ".join(missing))
    if idle:
        problems.append("it is sent %s, and does not use it" % ", ".join(idle))
    return "; ".join(problems)


def mutants(parts, chance):
    """One text for each way of damaging a statement, each at a place of its own."""
    places = [i for i, (kind, _) in enumerate(parts) if kind != "space"]
    texts = [text for _, text in parts]
    words = [i for i in places if parts[i][0] == "word" and len(parts[i][1]) > 2]
    joined = "".join
    at = lambda: chance.choice(places)

    i = at()
    yield "left out", joined(texts[:i] + texts[i + 1 :])
    i = at()
    yield "doubled", joined(texts[: i + 1] + [" "] + texts[i:])
    if len(places) > 1:
        n = chance.randrange(len(places) - 1)
        i, j = places[n], places[n + 1]
        yield "exchanged", joined(texts[:i] + [texts[j]] + texts[i + 1 : j] + [" ", texts[i], " "] + texts[j + 1 :])
    i = at()
    yield "parenthesis", joined(texts[:i] + [chance.choice("()"), " "] + texts[i:])
    i = at()
    yield "quote", joined(texts[:i] + ["'"] + texts[i:])
    i = at()
    yield "cut off", joined(texts[:i])
    i = at()
    yield "comma", joined(texts[:i] + [", "] + texts[i:])
    if words:
        i = chance.choice(words)
        word = texts[i]
        n = chance.randrange(len(word))
        yield "misspelt", joined(texts[:i] + [word[:n] + word[n + 1 :]] + texts[i + 1 :])


def parse(request, report):
    """Fills in what the parsers say. Another level than 2019's differs from it in its grammar, not in names, and is
    asked about one statement of each shape; what it refuses counts for all of that shape."""
    report.update(levels={}, misfits=[], mutants={}, survivors=[])
    parsers = {level: Parser(level) for level in levels()}
    judged = parsers[JUDGED]
    whole = {s["text"] for s in request["statements"]}
    parts_of, shapes, first_of = [], [], {}
    for index, s in enumerate(request["statements"]):
        parts = tokens(s["text"])
        parts_of.append(parts)
        shapes.append(shape(parts))
        first_of.setdefault(shapes[-1], index)
        if s.get("params") is not None:
            problem = misfit(parts, len(s["params"]))
            if problem:
                report["misfits"].append({"index": index, "problem": problem})
        problem = arity(judged, s["text"]) if "INSERT" in s["text"] or "OUTPUT" in s["text"] else ""
        if problem:
            report["misfits"].append({"index": index, "problem": problem})
    report["shapes"] = len(first_of)
    for level, parser in parsers.items():
        report["levels"][str(level)] = found = []
        if level == JUDGED:
            problems = [parser.refusal(s["text"]) for s in request["statements"]]
        else:
            by_shape = {k: parser.refusal(request["statements"][i]["text"]) for k, i in first_of.items()}
            problems = [by_shape[k] for k in shapes]
        found.extend({"index": i, "problem": p} for i, p in enumerate(problems) if p)
    for known, index in first_of.items():
        chance = random.Random(known)
        for kind, text in mutants(parts_of[index], chance):
            if text in whole or not text.strip() or chance.random() < 0.5:
                continue
            count = report["mutants"].setdefault(kind, {"made": 0, "refused": 0})
            count["made"] += 1
            if judged.refusal(text):
                count["refused"] += 1
            elif len(report["survivors"]) < 200:
                report["survivors"].append(kind + ": " + text)


def arity(parser, text):
    """Where a statement writes another number of values than it names columns. The model does not count them."""
    script, errors = parser.parser.Parse(parser.reader(text), None)
    pairs = []
    for batch in script.Batches if errors.Count == 0 else ():
        for statement in batch.Statements:
            name = statement.GetType().Name
            if name not in ("InsertStatement", "UpdateStatement"):
                continue
            spec = statement.InsertSpecification if name == "InsertStatement" else statement.UpdateSpecification
            into = spec.OutputIntoClause
            if into is not None:
                pairs.append((into.IntoTableColumns.Count, into.SelectColumns.Count))
            if name == "InsertStatement":
                pairs.extend((spec.Columns.Count, n) for n in written(spec.InsertSource))
    wrong = ["%d columns and %d values" % pair for pair in pairs if pair[0] != pair[1]]
    return "; ".join(wrong)


def written(source):
    """How many values each row of an INSERT has."""
    if source.GetType().Name == "ValuesInsertSource":
        return [row.ColumnValues.Count for row in source.RowValues]
    query = source.Select
    counts = [query.SelectElements.Count]
    for table in query.FromClause.TableReferences:
        if table.GetType().Name == "InlineDerivedTable":  # the rows that are sorted first, and their columns' names
            counts.extend(counts[0] if row.ColumnValues.Count == table.Columns.Count else -1 for row in table.RowValues)
    return counts


class Model:
    """A database in memory, with tables of its own, whose procedures have the statements as their bodies."""

    def __init__(self, schema):
        from Microsoft.SqlServer.Dac.Model import SqlServerVersion, TSqlModel, TSqlModelOptions

        self.model = TSqlModel(SqlServerVersion.Sql150, TSqlModelOptions())
        self.schema = ""  # why its first object that is refused is
        for text in schema:
            problem = self.add(text)
            if problem:
                self.schema = "%s in %s" % (problem, text)
                break

    def add(self, text):
        """Adds an object, and returns why that cannot be, "" where nothing says so before validate."""
        try:
            self.model.AddObjects(text)
        except Exception as e:
            return " ".join(str(e).split(" at Microsoft.")[0].split())
        return ""

    def refusal(self, index, text, params):
        """Why a statement cannot be a procedure's body, "" where nothing says so before validate."""
        declared = ", ".join("@p%d %s" % (n + 1, kind) for n, kind in enumerate(params))
        return self.add("CREATE PROCEDURE [dbo].[s%d] %s AS %s" % (index, declared, text))

    def validate(self):
        """What is wrong with the whole, as pairs of a statement's index, -1 where it is none, and the problem."""
        for m in self.model.Validate():
            owner = re.search(r"element \[dbo\]\.\[s(\d+)\]", m.Message)
            yield int(owner.group(1)) if owner else -1, "%s%d: %s" % (m.Prefix, m.Number, m.Message)


def resolve(request, report):
    """Fills in what the model says. A refusal spoils a model, so that the others are taken by a new one."""
    todo = [i for i, s in enumerate(request["statements"]) if s.get("params") is not None and not s.get("parser_only")]
    report.update(resolved=len(todo), unresolved=[])
    spoilt = 0
    while todo:
        model = Model(request["schema"])
        if model.schema:
            report["unresolved"].append({"index": -1, "problem": model.schema})
            return
        for index in todo:
            s = request["statements"][index]
            problem = model.refusal(index, s["text"], s["params"])
            if problem:
                report["unresolved"].append({"index": index, "problem": problem})
                todo.remove(index)
                spoilt += 1
                break
        else:
            problem = ""
        if problem and spoilt < MOST_SPOILT:
            continue
        report["unresolved"].extend({"index": i, "problem": p} for i, p in model.validate())
        return


def main():
    request, report = json.load(sys.stdin), {}
    start()
    {"parse": parse, "resolve": resolve}[sys.argv[2]](request, report)
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
