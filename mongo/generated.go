package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// errNotReadBack is the error of an update that was applied, and whose answer does not fit the mapping. It holds no
// ValueError, which would be that of a write that did not happen.
var errNotReadBack = errors.New("mongo: what the document holds after the write cannot be read")

// updateAndRead is Update where other programs write fields that are tagged generated: it updates the document and
// gives what they hold then, in one step of the server's. What a trigger of the deployment writes later, no answer
// can have.
func (c *collection) updateAndRead(
	ctx context.Context, p *driver.UpdateParams, filter bson.Raw, change any,
) (driver.WriteResult, error) {
	at, command := beginDocument(make([]byte, 0, len(filter)+512))
	command = appendString(appendHeader(command, bson.TypeString, "findAndModify"), c.spec.Table)
	command = append(appendHeader(command, bson.TypeEmbeddedDocument, "query"), filter...)
	command = appendChange(command, "update", change)
	command = append(appendHeader(command, bson.TypeEmbeddedDocument, "fields"), c.back...)
	command = append(appendHeader(command, bson.TypeBoolean, "new"), 1)
	answer, err := c.send(ctx, p.Tx, c.appendCollation(command), at)
	if err != nil {
		return driver.WriteResult{}, err
	}
	doc, ok := answer.Lookup("value").DocumentOK()
	if !ok {
		return c.look(ctx, p.Tx, p.Key)
	}
	version, err := c.versionOf(doc)
	if err == nil {
		err = c.decode(p.Into, doc)
	}
	if err != nil {
		return driver.WriteResult{}, &backend.Failure{Err: errNotReadBack, Sent: true}
	}
	return driver.WriteResult{Outcome: driver.Applied, Stored: version}, nil
}
