"""An exam grader for notebooks that train networks in PyTorch."""
