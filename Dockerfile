# docker build -t patois .                              for a CPU
# docker build -t patois --build-arg DEVICE=cuda .      for NVIDIA GPUs: PyPI's torch brings CUDA; the machine needs NVIDIA's driver
#
# docker run --rm -v "$PWD/runs:/work/runs" patois                        the default fit; with --gpus all on a GPU
# docker run --rm -v "$PWD:/work" patois fit --data.source my.csv --data.input_column smiles --data.output_column name
# docker run --rm -v "$PWD/runs:/work/runs" -p 127.0.0.1:7860:7860 --entrypoint python patois -m cli.demo.page --host 0.0.0.0
FROM python:3.12-slim
ARG DEVICE=cpu

# Java is for OPSIN, which reads names back as molecules.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends default-jre-headless \
    && rm -rf /var/lib/apt/lists/*

COPY constraints.txt /patois/constraints.txt
RUN if [ "$DEVICE" = cpu ]; then INDEX="--extra-index-url https://download.pytorch.org/whl/cpu"; \
    elif [ "$DEVICE" != cuda ]; then echo "DEVICE is cpu or cuda, not $DEVICE" >&2; exit 1; fi \
    && pip install --no-cache-dir -c /patois/constraints.txt $INDEX torch

COPY . /patois
RUN pip install --no-cache-dir -c /patois/constraints.txt -e "/patois[demo,opsin,peft,plots]" \
    && useradd --create-home patois \
    && mkdir -p /work/runs \
    && chown -R patois /work

USER patois
WORKDIR /work
ENTRYPOINT ["python", "/patois/train.py"]
CMD ["fit"]
