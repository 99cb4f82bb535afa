package sqlserver

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/internal/sqldb"
)

// reserved are the parameters of a DSN that would make the pool unsafe, with what they would break.
var reserved = map[string]string{
	"timezone":             "times are kept in UTC",
	"guid conversion":      "the order of an identifier's bytes is the library's concern",
	"disableretry":         "without it the client tells what was never sent from what may have landed",
	"applicationintent":    "a secondary replica answers with old data and takes no writes",
	"log":                  "the client's log holds statements and values",
	"columnencryption":     "values are bound with the types of their columns, which Always Encrypted changes",
	"multipleactiveresult": "the client has one request at a time",
}

// parse reads a DSN for Open. Its errors name the parameter that is wrong, and hold nothing else of the DSN,
// which has a password; the client's own errors would quote it. A DSN that says nothing of encryption gets
// it whole, since the client would encrypt the login alone.
func parse(dsn string) (msdsn.Config, error) {
	var none msdsn.Config
	if !strings.HasPrefix(dsn, "sqlserver://") {
		return none, unreadable()
	}
	u, err := url.Parse(dsn)
	if err != nil || u.Host == "" {
		return none, unreadable()
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return none, unreadable()
	}
	var problems []string
	encrypt := false
	for name := range values {
		lower := strings.ToLower(name)
		encrypt = encrypt || lower == msdsn.Encrypt
		value := values.Get(name)
		switch why, ok := reserved[lower]; {
		case ok && lower == "timezone" && value == "UTC":
		case ok && lower == "applicationintent" && strings.EqualFold(value, "ReadWrite"):
		case ok && lower == "log" && value == "0":
		case ok && (strings.EqualFold(value, "false") || strings.EqualFold(value, "disabled")):
		case ok:
			problems = append(problems, fmt.Sprintf("take %s out of it (%s)", lower, why))
		case !isReadable(lower, value):
			problems = append(problems, fmt.Sprintf("the value of %s cannot be read", sqldb.Printable(lower)))
		}
	}
	if len(problems) > 0 {
		return none, backend.Invalidf("the DSN: %s", strings.Join(problems, "; "))
	}
	if !encrypt {
		values.Set(msdsn.Encrypt, "true")
		u.RawQuery = values.Encode()
	}
	config, err := msdsn.Parse(u.String())
	if err != nil {
		return none, unreadable()
	}
	return config, nil
}

func unreadable() error {
	return backend.Invalidf("the DSN cannot be read: it is sqlserver://user:password@host:port?database=name, " +
		"with &name=value after it")
}

// isReadable asks the client whether it understands one parameter, away from user and password.
func isReadable(name, value string) bool {
	_, err := msdsn.Parse("sqlserver://127.0.0.1?" + url.Values{name: {value}}.Encode())
	return err == nil
}
