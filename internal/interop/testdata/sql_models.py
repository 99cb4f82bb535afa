"""The tables as a Python service has them. The comments are those of the guide."""
import datetime
import enum
import uuid

from sqlalchemy import JSON, BigInteger, Boolean, Double, Enum, Integer, Numeric, String, TypeDecorator
from sqlalchemy.dialects.mysql import BINARY, DATETIME, LONGTEXT, VARBINARY
from sqlalchemy.orm import DeclarativeBase, mapped_column


class Base(DeclarativeBase):
    __table_args__ = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}


class UUIDBytes(TypeDecorator):
    """A uuid.UUID in BINARY(16), its bytes in the order in which they are printed."""

    impl = BINARY(16)
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return None if value is None else value.bytes

    def process_result_value(self, value, dialect):
        return None if value is None else uuid.UUID(bytes=bytes(value))


class Day(TypeDecorator):
    """A date in DATETIME(6), as its midnight."""

    impl = DATETIME(fsp=6)
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return None if value is None else datetime.datetime.combine(value, datetime.time())

    def process_result_value(self, value, dialect):
        return None if value is None else value.date()


class Position(enum.Enum):
    GOAL = 1
    WING = 2


class Player(Base):
    __tablename__ = "players"

    id = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    version = mapped_column(BigInteger, nullable=False)
    name = mapped_column(String(60), nullable=False)
    bio = mapped_column(LONGTEXT, nullable=False)
    position = mapped_column(Enum(Position, native_enum=False, length=10), nullable=False)
    active = mapped_column(Boolean, nullable=False)
    level = mapped_column(Integer, nullable=False)
    gold = mapped_column(BigInteger, nullable=False)
    rating = mapped_column(Double, nullable=False)
    wage = mapped_column(Numeric(19, 4), nullable=False)
    born = mapped_column(Day, nullable=False)
    seen = mapped_column(DATETIME(fsp=6), nullable=False)  # in UTC, without tzinfo
    token = mapped_column(UUIDBytes, nullable=False)
    avatar = mapped_column(VARBINARY(100))
    home = mapped_column(JSON(none_as_null=True))
    nicknames = mapped_column(JSON(none_as_null=True))
    nick = mapped_column(String(60))
    bonus = mapped_column(Numeric(19, 4))
    retired = mapped_column(DATETIME(fsp=6))

    __mapper_args__ = {"version_id_col": version}
