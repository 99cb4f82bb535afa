"""A Python service that writes the collections of mongo_models with mongoengine."""
import datetime
import decimal
import json
import sys
import uuid

import bson
from mongoengine import (
    ComplexDateTimeField, DateTimeField, Decimal128Field, DecimalField, Document, GenericReferenceField, ListField,
    LongField, ReferenceField, SaveConditionError, StringField, UUIDField, connect,
)
from mongoengine.connection import get_db

import mongo_models
from mongo_models import Club, Contract, Keeper, Loan, Member, Position, Season
from serve import increments, serve

connect(**{"uuidRepresentation": "standard"} | json.loads(sys.argv[1]))


def shown(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


# For each field how a text becomes its value, and its value a text.
texts = {
    "name": (str, str), "nick": (str, str),
    "position": (lambda text: Position[text], lambda value: value.name),
    "active": (lambda text: text == "true", lambda value: {True: "true", False: "false"}[value]),
    "level": (int, str), "gold": (int, str),
    "rating": (float, repr),
    "wage": (decimal.Decimal, str),
    "born": (datetime.date.fromisoformat, datetime.date.isoformat),
    "seen": (datetime.datetime.fromisoformat, datetime.datetime.isoformat),
    "retired": (datetime.datetime.fromisoformat, datetime.datetime.isoformat),
    "token": (uuid.UUID, str),
    "crest": (bson.ObjectId, str),
    "avatar": (bytes.fromhex, bytes.hex),
    "club": (lambda text: Club.objects.get(id=int(text)), lambda value: str(value.id)),
    "nicknames": (json.loads, lambda value: shown(list(value))),
    "scores": (json.loads, lambda value: shown(dict(value))),
    "contract": (lambda text: Contract(**json.loads(text)), lambda value: shown({"fee": value.fee})),
    "seasons": (
        lambda text: [Season(**season) for season in json.loads(text)],
        lambda value: shown([{"year": season.year, "goals": season.goals} for season in value]),
    ),
}


def parse(fields):
    return {name: None if text is None else texts[name][0](text) for name, text in fields.items()}


def create():
    Club(id=7).save()
    Member.ensure_indexes()
    return {
        name: type(field).__name__ if name not in ("nicknames", "scores", "contract", "club", "seasons", "position")
        else declared(field) for name, field in Member._fields.items()
    }


def declared(field):
    """A field with what stands between its parentheses."""
    of = getattr(field, "document_type_obj", None) or getattr(field, "_enum_cls", None) or type(field.field)
    if type(field).__name__ == "EmbeddedDocumentListField":
        of = field.field.document_type_obj
    return f"{type(field).__name__}({getattr(of, '__name__', of)})"


def insert(id, fields):
    Member(id=id, **{name: value for name, value in parse(fields).items() if value is not None}).save()


def change(id, fields):
    member = Member.objects.get(id=id)
    for name, value in parse(fields).items():
        setattr(member, name, value)
    member.save()


def read(id):
    member = Member.objects.get(id=id)
    return {"version": str(member.version)} | {
        name: None if getattr(member, name) is None else show(getattr(member, name))
        for name, (_, show) in texts.items()
    }


class Refused(Exception):
    """No document had the version that was read."""


class Way:
    """One way to add 1 to a member's gold: begin reads, and finish writes what begin has returned."""

    def begin(self, id):
        return Member.objects.get(id=id)


class Save(Way):
    def finish(self, member):
        member.gold += 1
        member.save()


class SaveMoved(Way):
    def finish(self, member):
        member.gold += 1
        member.version += 1
        member.save()


class SaveCondition(Way):
    def finish(self, member):
        read = member.version
        member.gold += 1
        member.version += 1
        member.save(save_condition={"version": read})


class Filtered(Way):
    def finish(self, member):
        at = Member.objects(id=member.id, version=member.version)
        if at.update_one(set__gold=member.gold + 1, inc__version=1) == 0:
            raise Refused


class Modify(Way):
    def finish(self, member):
        if not member.modify({"version": member.version}, set__gold=member.gold + 1, inc__version=1):
            raise Refused


class Counted(Way):
    def finish(self, member):
        Member.objects(id=member.id).update_one(inc__gold=1, inc__version=1)


class CountedUnversioned(Way):
    def finish(self, member):
        Member.objects(id=member.id).update_one(inc__gold=1)


class Twice(Way):
    def finish(self, member):
        Member.objects(id=member.id).update_one(set__gold=member.gold + 1)
        Member.objects(id=member.id).update_one(inc__version=1)


class Replace(Way):
    """A new object of an id that is there, which mongoengine stores in the place of the document."""

    def finish(self, member):
        fields = {name: getattr(member, name) for name in Member._fields if name not in ("_cls", "gold")}
        Member(gold=member.gold + 1, **fields).save()


ways = {way.__name__: way() for way in Way.__subclasses__()}
begun = {}


def begin(way, id):
    begun[way] = ways[way].begin(id)


def finish(way):
    ways[way].finish(begun.pop(way))


def run(way, id, count):
    return increments(ways[way], lambda error: isinstance(error, (Refused, SaveConditionError)), id, count)


def keeper(id):
    """A document of a class below, with an embedded document of a class below."""
    fields = {"name": "Bob", "position": Position.GOAL, "active": True, "level": 1, "gold": 1, "rating": 1.0,
              "wage": decimal.Decimal(1), "born": datetime.date(2000, 1, 1),
              "seen": datetime.datetime(2026, 1, 1), "token": uuid.UUID(int=1)}
    Keeper(id=id, saved=9, contract=Loan(fee=5, lender="Stoke"), seasons=[Season(year=2026, goals=1)],
           nicknames=["b"], **fields).save()


def keeper_read(id):
    found = Member.objects.get(id=id)
    contract = found.contract
    return [type(found).__name__, found.saved, type(contract).__name__, contract.fee, contract.lender]


def count(name):
    return getattr(mongo_models, name).objects.count()


def rename(id, name):
    """Saves a document that was read before it was deleted."""
    member = Member.objects.get(id=id)
    get_db().members.delete_one({"_id": id})
    member.name = name
    member.save()


class Strict(Document):
    """The collection without a field for the version."""

    meta = {"collection": "strict"}
    id = LongField(primary_key=True)
    v = LongField()


class Lenient(Document):
    """The same, which passes over what it does not know."""

    meta = {"collection": "strict", "strict": False}
    id = LongField(primary_key=True)
    v = LongField()


def value_of(name, id):
    return globals()[name].objects.get(id=id).v


# Fields as they are by default, and a value of each.
some_uuid = uuid.UUID("00112233-4455-4677-8899-aabbccddeeff")
some_time = datetime.datetime(2026, 10, 25, 1, 30, 0, 250001)
plain = {
    "DecimalField()": (DecimalField(), decimal.Decimal("1.25")),
    "DecimalField(force_string=True)": (DecimalField(force_string=True), decimal.Decimal("1.25")),
    "Decimal128Field()": (Decimal128Field(), decimal.Decimal("1.25")),
    "DateTimeField()": (DateTimeField(), some_time),
    "ComplexDateTimeField()": (ComplexDateTimeField(), some_time),
    "UUIDField()": (UUIDField(), some_uuid),
    "UUIDField(binary=False)": (UUIDField(binary=False), some_uuid),
    "ReferenceField(Club)": (ReferenceField(Club), 7),
    "ReferenceField(Club, dbref=True)": (ReferenceField(Club, dbref=True), 7),
    "GenericReferenceField()": (GenericReferenceField(), 7),
    "StringField(), None": (StringField(), None),
    "StringField(default='x'), None": (StringField(default="x"), None),
    "StringField(default='x', null=True), None": (StringField(default="x", null=True), None),
    "ListField(), []": (ListField(), []),
    "ListField(), emptied": (ListField(), []),
}


def plain_class(table, name):
    return type("Plain", (Document,), {
        "meta": {"collection": table, "strict": False, "auto_create_index": False},
        "id": LongField(primary_key=True), "version": LongField(default=1), "v": plain[name][0],
    })


def plain_create(table, name):
    value = plain[name][1]
    if value == 7:
        value = Club.objects.get(id=7)
    of = plain_class(table, name)
    if name.endswith("emptied"):
        of(id=1, v=["a"]).save()
        made = of.objects.get(id=1)
        made.v = []
        made.save()
    else:
        of(id=1, v=value).save()


def plain_read(table, name, id):
    value = plain_class(table, name).objects.get(id=id).v
    if isinstance(value, Club):
        value = value.id
    return "the same" if value == plain[name][1] else f"`{value!r}`"


serve({name: globals()[name] for name in [
    "create", "insert", "change", "read", "begin", "finish", "run", "keeper", "keeper_read", "count", "rename",
    "value_of", "plain_create", "plain_read",
]})
