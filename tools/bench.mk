bench: ## speed, each figure beside a baseline of the same run
	@sh tools/setup.sh --dev --steps 4
	@$(PYTHON) -m tools.prepare --model-only --steps 4 --done 2
	@DEMO=$${DEMO:-1} $(PYTHON) -m tools.bench $(ARGS)
