#!/bin/bash
# A fit on one or more machines with four GPUs each, a task a GPU:
#   sbatch configs/trainer/slurm.sh --data.task smiles_to_iupac --model.base opt-125m
# The run is called job-<id>. 90 seconds before the time limit SLURM sends SIGUSR1 to the tasks; they write last.ckpt and
# requeue the job (`scontrol requeue`), which then resumes at the same step. So --time limits one part of the run, not all of it.
#SBATCH --job-name=patois
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --gres=gpu:4
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --signal=SIGUSR1@90
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%j.out
set -euo pipefail
cd "$SLURM_SUBMIT_DIR"  # where train.py is
export HF_HUB_OFFLINE="${HF_HUB_OFFLINE:-1}"  # compute nodes seldom have a network: download the base on the login node
exec srun python train.py fit --config configs/trainer/slurm.yaml --trainer.num_nodes "$SLURM_NNODES" "$@"
