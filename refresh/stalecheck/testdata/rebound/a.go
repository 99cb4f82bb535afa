package rebound

type Club struct{ Balance int }

func (c *Club) Refresh(read func() *Club) {
	current := read()
	c = current // want `assigning to the receiver c refreshes nothing`
	_ = c
}

func (c *Club) Reload(read func() (*Club, error)) (err error) {
	c, err = read() // want `assigning to the receiver c refreshes nothing`
	return err
}

func (c *Club) Refetch(read func() *Club) {
	//stalecheck:ignore the mistake is shown here
	c = read()
	_ = c
}

func (c *Club) reload(read func() *Club) {
	*c = *read()
}

func (c *Club) Next(read func() *Club) {
	c = read()
	_ = c
}
