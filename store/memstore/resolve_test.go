package memstore

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stillframe/stillframe/store/driver"
)

type (
	Embedded struct{ A int }
	embedded struct{ B int }
	Number   int64
)

func TestResolve(t *testing.T) {
	var entity struct {
		PlainName int
		DB        int `db:"d"`
		BSON      int `bson:"b"`
		Both      int `db:"d" bson:"b"`
		Options   int `bson:"b,omitempty"`
		NoName    int `bson:",omitempty"`
		DBOptions int `db:"d,opt"`
		SkipDB    int `db:"-"`
		SkipBSON  int `bson:"-"`
		SkipOne   int `db:"d" bson:"-"`
		hidden    int `db:"d"` //nolint:unused // read by reflection
		Named     Embedded
		NamedIn   Embedded `bson:",inline"`
		Embedded  `bson:"e"`
		embedded  //nolint:unused // read by reflection
		Number
		OtherOwner int `json:"x"`
	}
	_ = entity
	var tagged struct {
		Embedded `db:"e" bson:",inline"`
	}
	var pointer struct {
		*Embedded
	}
	skip, inline := driver.Naming{How: driver.Skip}, driver.Naming{How: driver.Inline}
	stored := func(name string) driver.Naming { return driver.Naming{Name: name, How: driver.Stored} }
	tests := []struct {
		of             any
		field          string
		sql, bson, own driver.Naming
	}{
		{entity, "PlainName", stored("plainname"), stored("plainname"), stored("plainname")},
		{entity, "DB", stored("d"), stored("db"), stored("d")},
		{entity, "BSON", stored("bson"), stored("b"), stored("b")},
		{entity, "Both", stored("d"), stored("b"), stored("d")},
		{entity, "Options", stored("options"), stored("b"), stored("b")},
		{entity, "NoName", stored("noname"), stored("noname"), stored("noname")},
		{entity, "DBOptions", stored("d"), stored("dboptions"), stored("d")},
		{entity, "SkipDB", skip, stored("skipdb"), skip},
		{entity, "SkipBSON", stored("skipbson"), skip, skip},
		{entity, "SkipOne", stored("d"), skip, stored("d")},
		{entity, "hidden", skip, skip, skip},
		{entity, "Named", stored("named"), stored("named"), stored("named")},
		{entity, "NamedIn", stored("namedin"), inline, inline},
		{entity, "Embedded", inline, stored("e"), stored("e")},
		{entity, "embedded", inline, skip, inline},
		{entity, "Number", stored("number"), stored("number"), stored("number")},
		{entity, "OtherOwner", stored("otherowner"), stored("otherowner"), stored("otherowner")},
		{tagged, "Embedded", stored("e"), inline, stored("e")},
		{pointer, "Embedded", inline, stored("embedded"), inline},
	}
	for _, test := range tests {
		f, ok := reflect.TypeOf(test.of).FieldByName(test.field)
		assert.True(t, ok)
		assert.Equal(t, test.sql, newEngine(settings{tag: "db"}).Resolve(f), "db %s", test.field)
		assert.Equal(t, test.bson, newEngine(settings{tag: "bson"}).Resolve(f), "bson %s", test.field)
		assert.Equal(t, test.own, newEngine(settings{}).Resolve(f), "default %s", test.field)
	}
}
