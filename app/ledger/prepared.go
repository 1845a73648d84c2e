package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"modernc.org/sqlite"
)

// SQLite takes longer to compile a statement than to run it, and River and this program run the same statements
// again and again. So each connection keeps its compiled statements, up to maxPrepared of them.
const maxPrepared = 100

// openPrepared opens a database whose connections keep their statements.
func openPrepared(name string) (*sql.DB, error) {
	c, err := sqlite.NewConnector(name)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector{c}), nil
}

type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	plain, ok := opened.(plainConn)
	if !ok {
		return nil, fmt.Errorf("a connection of %T is not as expected", opened)
	}
	return &conn{plainConn: plain, prepared: map[string]*prepared{}}, nil
}

// A plainConn has the methods of the driver's connection that conn uses.
type plainConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// A conn keeps its statements. Like every connection of database/sql it is used by one goroutine at a time.
type conn struct {
	plainConn
	prepared map[string]*prepared
}

type prepared struct {
	driver.Stmt
	busy bool // its rows are being read
}

// get returns a statement to run, or nil if the query must run without a kept one. The caller returns it by
// setting busy to false.
func (c *conn) get(ctx context.Context, query string) (*prepared, error) {
	p := c.prepared[query]
	if p != nil && p.busy {
		return nil, nil
	}
	if p == nil {
		if len(c.prepared) >= maxPrepared {
			c.forget()
		}
		s, err := c.PrepareContext(ctx, query)
		if err != nil {
			return nil, err
		}
		p = &prepared{Stmt: s}
		c.prepared[query] = p
	}
	p.busy = true
	return p, nil
}

// forget closes all statements that are not busy.
func (c *conn) forget() {
	for query, p := range c.prepared {
		if !p.busy {
			_ = p.Close() // returns the error of its last run
			delete(c.prepared, query)
		}
	}
}

// Close implements [driver.Conn].
func (c *conn) Close() error {
	for _, p := range c.prepared {
		_ = p.Close()
	}
	return c.plainConn.Close()
}

// ExecContext implements [driver.ExecerContext].
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	p, err := c.get(ctx, query)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return c.plainConn.ExecContext(ctx, query, args)
	}
	defer func() { p.busy = false }()
	return p.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	p, err := c.get(ctx, query)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return c.plainConn.QueryContext(ctx, query, args)
	}
	rows, err := p.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		p.busy = false
		return nil, err
	}
	return &preparedRows{rows, p}, nil
}

type preparedRows struct {
	driver.Rows
	of *prepared
}

// Close implements [driver.Rows].
func (r *preparedRows) Close() error {
	r.of.busy = false
	return r.Rows.Close()
}
