package field

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// postgresBin returns where Debian has the programs of PostgreSQL's server, whatever its version.
func postgresBin() string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(dirs) == 0 {
		return ""
	}
	return dirs[len(dirs)-1]
}

// asPostgres runs a command as the user that PostgreSQL insists on not being root.
const asPostgres = "setpriv --reuid=postgres --regid=postgres --clear-groups "

// cluster is an empty database that rows copy.
type cluster struct {
	once sync.Once
	dir  string
	err  error
}

// template is the cluster of this process; TestMain removes it.
var template cluster

func (c *cluster) make() {
	if c.dir, c.err = os.MkdirTemp("", "field-pg-"); c.err != nil {
		return
	}
	c.err = exec.Command("sh", "-c", "chown postgres "+c.dir+" && cd / && "+asPostgres+postgresBin()+
		"/initdb -D "+c.dir+"/pg -U postgres -A trust --no-sync --locale=C >/dev/null && echo 'host all all 0.0.0.0/0 trust' >>"+c.dir+"/pg/pg_hba.conf").Run()
}

func (c *cluster) remove() {
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}

func postgres(w *world) {
	template.once.Do(template.make)
	if template.err != nil {
		w.t.Fatalf("make a database: %v", template.err)
	}
	w.far.Run(w.t, "cp", "-a", template.dir+"/pg", w.dir+"/pg")
	w.serve(5432, "cd / && exec "+asPostgres+postgresBin()+"/postgres -D DIR/pg -c listen_addresses='*' -c unix_socket_directories=DIR/pg -c fsync=off")
}

var postgresTools = []string{"psql", "pgbench"}

const psql = "psql -q -h HOST -U postgres postgres "

var (
	pgbench = &program{"pgbench: 4 clients, think time of 200 ms", postgresTools, func(w *world) {
		w.write("think.sql", "\\set id random(1, 1000000)\nSELECT :id;\n\\sleep 200 ms\n")
		postgres(w)
		w.client(again("pgbench -n -h HOST -U postgres -c 4 -T 3600 -f DIR/think.sql postgres"))
	}}
	copyOut = shell("psql: COPY TO STDOUT", postgresTools, postgres,
		again(psql+`-c "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100000000)) TO STDOUT" >/dev/null`))
	copyIn = shell("psql: COPY FROM STDIN", postgresTools, postgres,
		again(psql+`-c "CREATE UNLOGGED TABLE IF NOT EXISTS t (x text)"; yes $(head -c 1000 /dev/zero | tr '\0' x) | `+psql+`-c "COPY t FROM STDIN"`))
)
