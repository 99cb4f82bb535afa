// Package oracle says in Go what a query must return: what conditions mean, how rows sort, and which
// values a backend is bound to compare as Go does. It calls no backend.
package oracle

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/entity"
)

// Probe has a field of every kind that can be compared, with and without NULL.
type Probe struct {
	store.Snapshot `bson:",inline"`

	ID       int64             `db:"id" bson:"_id" store:"key"`
	Flag     bool              `db:"flag" bson:"flag"`
	FlagN    *bool             `db:"flag_n" bson:"flag_n"`
	Num      int32             `db:"num" bson:"num"`
	NumN     *int64            `db:"num_n" bson:"num_n"`
	Level    entity.Level      `db:"level" bson:"level"`
	Pos      uint16            `db:"pos" bson:"pos"`
	PosN     sql.Null[uint64]  `db:"pos_n" bson:"pos_n"`
	Real     float64           `db:"real_v" bson:"real_v"`
	RealN    sql.Null[float64] `db:"real_n" bson:"real_n"`
	Text     string            `db:"text_v" bson:"text_v" store:"size=40"`
	TextN    *string           `db:"text_n" bson:"text_n" store:"size=40"`
	Null     sql.NullString    `db:"null_v" bson:"null_v" store:"size=40"`
	Data     []byte            `db:"data" bson:"data" store:"size=20"`
	UUID     entity.UUID       `db:"uuid_v" bson:"uuid_v"`
	UUIDN    *entity.UUID      `db:"uuid_n" bson:"uuid_n"`
	Hash     [12]byte          `db:"hash" bson:"hash"`
	At       time.Time         `db:"at_v" bson:"at_v"`
	AtN      sql.NullTime      `db:"at_n" bson:"at_n"`
	Price    string            `db:"price" bson:"price" store:"decimal=19.4"`
	PriceN   *string           `db:"price_n" bson:"price_n" store:"decimal=19.4"`
	Money    entity.Amount     `db:"money" bson:"money" store:"decimal=19.4"`
	Points   entity.Points     `db:"points" bson:"points"`
	PointsN  *entity.Points    `db:"points_n" bson:"points_n"`
	Comment  []string          `db:"comment_v" bson:"comment_v" store:"json"`
	Readonly string            `db:"-" bson:"-"`
}

// Probes are n rows with values from the pools, many of them equal and many NULL.
func Probes(all []Column, n int, random *rand.Rand) []Probe {
	rows := make([]Probe, n)
	for i := range rows {
		rows[i].ID = int64(i + 1)
		for _, c := range all {
			if c.Name == "ID" {
				continue
			}
			if c.Nullable && random.IntN(3) == 0 {
				c.set(&rows[i], nil)
				continue
			}
			c.set(&rows[i], c.Pool[random.IntN(len(c.Pool))])
		}
	}
	return rows
}

// Show returns rows on one line, with the values of these columns.
func Show(all []Column, rows []Probe) string {
	var b strings.Builder
	for _, p := range rows {
		fmt.Fprintf(&b, "{%d v%d", p.ID, p.Version)
		for _, c := range all {
			fmt.Fprintf(&b, " %v", c.Get(&p))
		}
		b.WriteString("}")
	}
	return b.String()
}
