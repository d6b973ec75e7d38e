"""In: what each document of a project declares and refers to. Out: answers to questions about its code."""
