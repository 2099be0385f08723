"""What runs inside the student's kernel: it observes, ships evidence, and decides nothing.

    __main__    starts the kernel: seeds the generators, installs the rest, hands over to ipykernel
    devices     CUDA names on a machine without CUDA
    ownership   which module holds which parameter
    trainings   losses, optimizer steps, fitted values
    cells       which cell is running; variables at the end of an answer
    channel     the record format in which evidence leaves the process

Imports the standard library and torch only (the kernel launcher adds ipykernel). Nothing here may
raise into the student's code, change a random number, or change a result by one bit.
"""
