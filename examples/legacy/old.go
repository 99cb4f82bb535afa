package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/stillframe/stillframe/store/memstore"
)

// service is the old one. It knows nothing of this library.
type service interface {
	// read is what it reads of a player.
	read(ctx context.Context, id int64) (gold, version int64, err error)
	// write stores the gold, whatever stands there.
	write(ctx context.Context, id, gold int64) error
	// writeChecked stores it where the version is the one that was read, and moves it. It reports whether it was.
	writeChecked(ctx context.Context, id, gold, version int64) (bool, error)
}

// standIn is the old service where there are no servers. isTriggered says that the table moves the version for it.
type standIn struct {
	raw         *memstore.Database
	isTriggered bool
}

func (s *standIn) read(_ context.Context, id int64) (gold, version int64, err error) {
	row, ok := s.raw.Row(table, id)
	if !ok {
		return 0, 0, errors.New("the old service finds no player")
	}
	gold, _ = row["gold"].(int64)
	version, _ = row["version"].(int64)
	return gold, version, nil
}

func (s *standIn) write(ctx context.Context, id, gold int64) error {
	if s.isTriggered {
		return s.raw.Write(ctx, table, id, map[string]any{"gold": gold})
	}
	return s.raw.Put(ctx, table, id, map[string]any{"gold": gold})
}

func (s *standIn) writeChecked(ctx context.Context, id, gold, version int64) (bool, error) {
	_, stored, err := s.read(ctx, id) // nobody else writes meanwhile: this is a story, and no server
	if err != nil || stored != version {
		return false, err
	}
	return true, s.raw.Write(ctx, table, id, map[string]any{"gold": gold})
}

//go:embed legacy.py
var program string

// process is the old service in Python.
type process struct {
	in  *json.Encoder
	out *bufio.Reader
}

// startPython starts the old service on a database. It ends with ctx.
func startPython(ctx context.Context, python, dsn string) (*process, error) {
	cfg, err := mysqldriver.ParseDSN(dsn)
	if err != nil {
		return nil, errors.New("-mysql is no DSN")
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	settings, err := json.Marshal(map[string]any{
		"username": cfg.User, "password": cfg.Passwd, "host": host, "port": number, "database": cfg.DBName,
	})
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, python, "-c", program, string(settings))
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = command.Wait() }) // ctx has ended it
	return &process{json.NewEncoder(in), bufio.NewReader(out)}, nil
}

// answer is what the process says.
type answer struct{ Gold, Version, Rows int64 }

// ask has the process do one thing.
func (p *process) ask(request map[string]int64) (a answer, err error) {
	if err := p.in.Encode(request); err != nil {
		return a, err
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(line, &a)
}

func (p *process) read(_ context.Context, id int64) (gold, version int64, err error) {
	a, err := p.ask(map[string]int64{"id": id})
	return a.Gold, a.Version, err
}

func (p *process) write(_ context.Context, id, gold int64) error {
	_, err := p.ask(map[string]int64{"id": id, "gold": gold})
	return err
}

func (p *process) writeChecked(_ context.Context, id, gold, version int64) (bool, error) {
	a, err := p.ask(map[string]int64{"id": id, "gold": gold, "version": version})
	return a.Rows == 1, err
}
