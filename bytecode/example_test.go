package bytecode_test

import (
	"errors"
	"fmt"

	"tcphealth_exporter/bytecode"
)

func Example() {
	filter, err := bytecode.Parse("sport = https,8000-8100 or (dst 10.0.0.0/8 and not dport = 22)", bytecode.Env{
		Service: func(name string) (uint16, bool) { return 443, name == "https" },
	})
	if err != nil {
		fmt.Println(err)

		return
	}

	fmt.Println(filter)

	plan, err := filter.Compile(bytecode.Features{PortEqual: true})
	if err != nil {
		fmt.Println(err)

		return
	}

	fmt.Printf("%d bytes, at most %d tests, audit: %v\n", len(plan.Program), plan.Compares, bytecode.Audit(plan.Program, false))

	socket := bytecode.Subject{
		Family: 2,
		Local:  bytecode.Endpoint{Addr: [16]byte{10: 0xff, 0xff, 10, 0, 0, 1}, Port: 8080},
		Remote: bytecode.Endpoint{Addr: [16]byte{10: 0xff, 0xff, 192, 0, 2, 1}, Port: 50123},
	}
	fmt.Println(bytecode.Match(plan.Program, &socket), filter.Eval(&socket))
	// Output:
	// sport = 443,8000-8100 or dst = 10.0.0.0/8 and dport != 22
	// 60 bytes, at most 5 tests, audit: <nil>
	// true true
}

func ExampleSyntaxError() {
	_, err := bytecode.Parse("dport = 22 or (sport = htpp)", bytecode.Env{})

	if bad, ok := errors.AsType[*bytecode.SyntaxError](err); ok {
		fmt.Printf("%v\n%s", bad, bad.Show())
	}
	// Output:
	// filter:1:24: expected a port number after "sport =", found "htpp"
	// dport = 22 or (sport = htpp)
	//                        ^
}

func ExampleFilter_Compile() {
	filter, err := bytecode.Parse("(sport = 80 and dev = 3 or sport = 81) and not dst = 10.0.0.0/8", bytecode.Env{})
	if err != nil {
		fmt.Println(err)

		return
	}

	// A kernel that can test equal ports, but no interfaces.
	plan, err := filter.Compile(bytecode.Features{PortEqual: true})
	if err != nil {
		fmt.Println(err)

		return
	}

	for _, note := range plan.Notes {
		fmt.Println(note)
	}

	fmt.Println("rest:", plan.Rest)
	// Output:
	// kernel: dst != 10.0.0.0/8 (tests: 1)
	// user space: (sport = 81 or sport = 80 and dev = 3) (this kernel cannot test "dev = 3"; the kernel selects beforehand, tests: 2)
	// rest: sport = 81 or sport = 80 and dev = 3
}
