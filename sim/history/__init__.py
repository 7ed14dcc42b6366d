"""What happened: ops, the journal that writes them, the history that reads them."""
