package web

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v4"

	"tcphealth_exporter/regular"
)

// ValidateConfig checks the web configuration file of exporter-toolkit and the files that
// it names. An empty path means no configuration.
func ValidateConfig(path string) error {
	if err := checkFiles(path); err != nil {
		return err
	}

	return toolkit.Validate(path)
}

// checkFiles returns an error if the web configuration or a file that it names is missing,
// too large or not regular, because exporter-toolkit reads them for each connection and
// must not block. It ignores syntax errors.
func checkFiles(path string) error {
	if path == "" {
		return nil
	}

	if err := regular.CheckConfig(path); err != nil {
		return err
	}

	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}

	var cfg struct {
		TLS struct {
			Cert     string `yaml:"cert_file"`
			Key      string `yaml:"key_file"`
			ClientCA string `yaml:"client_ca_file"`
		} `yaml:"tls_server_config"`
	}

	_ = yaml.Unmarshal(text, &cfg)

	for _, name := range []string{cfg.TLS.Cert, cfg.TLS.Key, cfg.TLS.ClientCA} {
		if name == "" {
			continue
		}

		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}

		if err := regular.CheckConfig(name); err != nil {
			return err
		}
	}

	return nil
}

// unreadable reports whether reading a file with this error of [regular.CheckConfig] would
// block or take a large amount of memory.
func unreadable(err error) bool {
	return errors.Is(err, regular.ErrNotRegular) || errors.Is(err, regular.ErrTooLarge)
}

// guard is exporter-toolkit's handler, which reads the web configuration for each request,
// while that is possible.
type guard struct {
	http.Handler

	path  string
	watch *configWatch
}

// ServeHTTP implements [http.Handler].
func (g guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if unreadable(regular.CheckConfig(g.path)) {
		g.watch.failed()
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)

		return
	}

	g.Handler.ServeHTTP(w, r)
}
