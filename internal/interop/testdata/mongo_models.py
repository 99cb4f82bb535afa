"""The collections as a Python service has them. What stands here from the first class on is shown in the guide."""
import enum

from mongoengine import (
    BinaryField, BooleanField, DateField, DateTimeField, Decimal128Field, Document, EmbeddedDocument,
    EmbeddedDocumentField, EmbeddedDocumentListField, EnumField, FloatField, IntField, ListField, LongField, MapField,
    ObjectIdField, ReferenceField, StringField, UUIDField,
)


class Position(enum.Enum):
    GOAL = "goal"
    WING = "wing"


class Contract(EmbeddedDocument):
    meta = {"allow_inheritance": True}
    fee = LongField()
    until = DateTimeField()


class Loan(Contract):
    lender = StringField()


class Season(EmbeddedDocument):
    year = IntField()
    goals = IntField()


class Club(Document):
    id = LongField(primary_key=True)


class Member(Document):
    meta = {"collection": "members", "allow_inheritance": True}
    id = LongField(primary_key=True)
    version = LongField(required=True, default=1)
    name = StringField(required=True)
    position = EnumField(Position, required=True)
    active = BooleanField(required=True)
    level = IntField(required=True)
    gold = LongField(required=True)
    rating = FloatField(required=True)
    wage = Decimal128Field(required=True)
    born = DateField(required=True)
    seen = DateTimeField(required=True)  # in UTC, without tzinfo
    token = UUIDField(required=True)
    crest = ObjectIdField()
    avatar = BinaryField()
    club = ReferenceField(Club)
    nicknames = ListField(StringField())
    scores = MapField(LongField())
    contract = EmbeddedDocumentField(Contract)
    seasons = EmbeddedDocumentListField(Season)
    nick = StringField()
    retired = DateTimeField()


class Keeper(Member):
    saved = IntField()
