"""Reading what a portal's texts say of oil, gas and mines: pure functions of a record, each answer with the words it was read from."""
